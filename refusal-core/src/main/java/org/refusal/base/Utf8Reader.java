package org.refusal.base;

import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * UTF-8 text that is no byte other than it says: what is not UTF-8 ends with {@link NotUtf8}, which tells the line and what the
 * bytes look like. A byte order mark of UTF-8 is a character like others, {@code U+FEFF}. Memory does not grow with the text.
 */
public final class Utf8Reader extends Reader {
  private static final int SIZE = 1 << 16;

  private final InputStream stream;
  private final CharsetDecoder decoder =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .onUnmappableCharacter(CodingErrorAction.REPORT);
  private final ByteBuffer bytes = ByteBuffer.allocate(SIZE).flip();
  private final CharBuffer chars = CharBuffer.allocate(SIZE).flip();
  private long line = 1;
  private boolean begun;
  private boolean ended;
  private NotUtf8 damage;

  public Utf8Reader(InputStream stream) {
    this.stream = stream;
  }

  /** A text that is not UTF-8. */
  public static final class NotUtf8 extends CharacterCodingException {
    private static final long serialVersionUID = 1L;

    private final long line;
    private final boolean wide;

    private NotUtf8(long line, boolean wide) {
      this.line = line;
      this.wide = wide;
    }

    /** The first line with such bytes, from 1. */
    public long line() {
      return line;
    }

    @Override
    public String getMessage() {
      return wide ? "not UTF-8 but UTF-16" : "not UTF-8";
    }

    /** What to do about it. */
    public String advice() {
      return wide
          ? "convert it first: iconv -f UTF-16 -t UTF-8 FILE > NEW"
          : "convert it first: iconv -f ISO-8859-1 -t UTF-8 FILE > NEW, where ISO-8859-1 stands for the encoding it was saved in";
    }
  }

  /** The whole text of a file's bytes, without a byte order mark. */
  public static String decode(byte[] content) throws NotUtf8 {
    StringBuilder text = new StringBuilder(content.length);
    char[] piece = new char[SIZE];
    try (Utf8Reader reader = new Utf8Reader(new java.io.ByteArrayInputStream(content))) {
      for (int read = reader.read(piece, 0, SIZE); read >= 0; read = reader.read(piece, 0, SIZE)) {
        text.append(piece, 0, read);
      }
    } catch (NotUtf8 e) {
      throw e;
    } catch (IOException e) {
      throw new IllegalStateException("bytes in memory can be read", e);
    }
    return !text.isEmpty() && text.charAt(0) == '\uFEFF' ? text.substring(1) : text.toString();
  }

  @Override
  public int read(char[] target, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    while (!chars.hasRemaining()) {
      if (damage != null) {
        throw damage;
      }
      if (ended) {
        return -1;
      }
      fill();
    }
    int read = Math.min(length, chars.remaining());
    chars.get(target, offset, read);
    return read;
  }

  private void fill() throws IOException {
    bytes.compact();
    int read = stream.read(bytes.array(), bytes.position(), bytes.remaining());
    boolean last = read < 0;
    bytes.position(bytes.position() + Math.max(0, read)).flip();
    if (!begun && (last || bytes.remaining() >= 4)) {
      begun = true;
      if (isWide()) {
        throw new NotUtf8(1, true);
      }
    } else if (!begun) {
      return;
    }
    chars.clear();
    CoderResult result = decoder.decode(bytes, chars, last);
    if (last && result.isUnderflow()) {
      result = decoder.flush(chars);
      ended = true;
    }
    chars.flip();
    for (int i = 0; i < chars.limit(); i++) {
      line += chars.get(i) == '\n' ? 1 : 0;
    }
    if (result.isError()) {
      damage = new NotUtf8(line, false);
    }
  }

  /** Byte order marks of UTF-16, or every other byte zero at the beginning. */
  private boolean isWide() {
    if (bytes.remaining() < 2) {
      return false;
    }
    int first = bytes.get(0) & 0xFF;
    int second = bytes.get(1) & 0xFF;
    if ((first == 0xFF && second == 0xFE) || (first == 0xFE && second == 0xFF)) {
      return true;
    }
    return bytes.remaining() >= 4
        && (first == 0) != (second == 0)
        && (bytes.get(2) == 0) == (first == 0)
        && (bytes.get(3) == 0) == (second == 0);
  }

  @Override
  public void close() throws IOException {
    stream.close();
  }
}
