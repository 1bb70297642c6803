package org.refusal.text;

/** One turn of a conversation. @param role {@code system}, {@code user} or {@code assistant} */
public record Message(String role, String content) {
  public static Message user(String content) {
    return new Message("user", content);
  }

  public static Message system(String content) {
    return new Message("system", content);
  }
}
