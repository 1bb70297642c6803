package org.refusal.cli;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpHeaders;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;

/**
 * What the Hub says that a file's bytes are: the SHA-256 of a large file ({@code X-Linked-Etag}), or of a small one the name
 * that git gives it, the SHA-1 of {@code blob SIZE\0} and the bytes ({@code ETag}). An ETag of another form, as mirrors send,
 * says nothing.
 */
record HubDigest(String hex) {
  static Optional<HubDigest> of(HttpHeaders headers) {
    return headers.firstValue("X-Linked-Etag")
        .or(() -> headers.firstValue("ETag"))
        .map(text -> text.replaceFirst("^W/", "").replace("\"", ""))
        .filter(text -> text.matches("[0-9a-f]{40}|[0-9a-f]{64}"))
        .map(HubDigest::new);
  }

  boolean fits(Path file) throws IOException {
    boolean git = hex.length() == 40;
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance(git ? "SHA-1" : "SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
    if (git) {
      digest.update(("blob " + Files.size(file) + "\0").getBytes(StandardCharsets.US_ASCII));
    }
    try (InputStream in = Files.newInputStream(file)) {
      byte[] buffer = new byte[1 << 16];
      for (int count; (count = in.read(buffer)) >= 0; ) {
        digest.update(buffer, 0, count);
      }
    }
    return HexFormat.of().formatHex(digest.digest()).equals(hex);
  }
}
