package org.refusal.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.UnresolvedAddressException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.refusal.base.AtomicFiles;
import org.refusal.base.ExitCode;
import org.refusal.base.Progress;
import org.refusal.base.UserException;
import org.refusal.io.Json;
import org.refusal.model.ModelName;

/**
 * Fetches a repository of the Hugging Face Hub into the cache that the Hugging Face tools share
 * ({@code models--ORG--NAME/snapshots/COMMIT}, {@code refs/main}). Goes on where an interrupted download stopped. Redirects
 * are followed by hand: the token goes to the Hub's own host and to no other, and never into a message. A file counts as
 * complete when it is on the disk and has the digest that the Hub sent ({@link HubDigest}).
 */
final class HubDownload {
  private static final int MOST_REDIRECTS = 5;
  private static final int BUFFER = 1 << 16;

  /** Kinds of repository, as the Hub spells them in addresses. */
  enum Kind {
    MODELS("models", ""),
    DATASETS("datasets", "datasets/");

    private final String folder;
    private final String prefix;

    Kind(String folder, String prefix) {
      this.folder = folder;
      this.prefix = prefix;
    }

    boolean wants(String file) {
      String name = file.substring(file.lastIndexOf('/') + 1);
      return this == DATASETS
          ? name.endsWith(".csv")
          : !file.contains("/")
              && (name.endsWith(".safetensors") && !name.startsWith("consolidated") || name.endsWith(".json") || name.endsWith(".jinja")
                  || name.equals("tokenizer.model"));
    }
  }

  private final URI hub;
  private final Optional<String> token;
  private final Progress progress;
  private final HttpClient client =
      HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NEVER).connectTimeout(Duration.ofSeconds(30)).build();

  HubDownload(URI hub, Optional<String> token, Progress progress) {
    this.hub = hub;
    this.token = token;
    this.progress = progress;
  }

  /**
   * @param name ORG/NAME, or ORG/NAME@REVISION
   * @param cache root of the cache
   * @return the folder of the snapshot
   */
  Path fetch(Kind kind, String name, Path cache) {
    ModelName asked =
        ModelName.parse(name)
            .filter(each -> each.repository().matches("\\w[\\w.-]*/\\w[\\w.-]*"))
            .orElseThrow(() -> new UserException(ExitCode.USAGE, "'" + name + "' is no Hub name", "expected ORG/NAME"));
    String revision = asked.revision().orElse("main");
    String address = "/api/" + kind.folder + "/" + asked.repository();
    JsonNode about =
        Json.read(get(at(asked.revision().isEmpty() ? address : address + "/revision/" + revision), name));
    String commit = about.path("sha").asText();
    if (!commit.matches("[0-9a-f]{6,64}")) {
      throw UserException.badData(name + ": the Hub names no commit");
    }
    List<String> files = new ArrayList<>();
    about.path("siblings").forEach(sibling -> files.add(sibling.path("rfilename").asText()));
    files.forEach(file -> requireInside(name, file));
    files.removeIf(file -> !kind.wants(file));
    if (files.isEmpty()) {
      throw UserException.badData(
          name + ": holds no files that can be used here",
          kind == Kind.MODELS ? "only safetensors checkpoints can be read" : "only CSV files are read");
    }
    Path repository = cache.resolve(kind.folder + "--" + asked.repository().replace("/", "--"));
    Path snapshot = repository.resolve("snapshots").resolve(commit);
    try (Progress.Task task = progress.task("download " + name, files.size())) {
      for (String file : files) {
        Path target = snapshot.resolve(file);
        if (!Files.exists(target)) {
          download(at("/" + kind.prefix + asked.repository() + "/resolve/" + commit + "/" + file), target, name, file);
        }
        task.advance(1);
      }
    }
    if (!revision.equals(commit)) {
      AtomicFiles.writeString(repository.resolve("refs").resolve(revision), commit);
    }
    return snapshot;
  }

  /** The address of a path below that of the Hub; its characters are escaped. */
  private URI at(String path) {
    try {
      return new URI(hub.getScheme(), hub.getRawAuthority(), hub.getPath() + path, null, null);
    } catch (URISyntaxException e) {
      throw new IllegalStateException("a path is escaped", e);
    }
  }

  /** What came between, in a few words. */
  private static String reason(IOException e, String host) {
    for (Throwable each = e; each != null; each = each.getCause()) {
      if (each instanceof UnresolvedAddressException || each instanceof UnknownHostException) {
        return "no host called " + host + " is known here";
      }
    }
    return e instanceof ConnectException ? "no connection to " + host : AtomicFiles.reason(e);
  }

  /** Where a redirect leads. */
  private static URI next(URI at, String location) throws IOException {
    try {
      return at.resolve(new URI(location));
    } catch (URISyntaxException e) {
      throw new IOException("a redirect to what is no address", e);
    }
  }

  /** A list of files is foreign: none may lead out of the folder into which it is fetched. */
  private static void requireInside(String name, String file) {
    boolean inside =
        !file.isEmpty()
            && file.chars().noneMatch(each -> each == '\\' || each == ':' || each < ' ')
            && Arrays.stream(file.split("/", -1)).noneMatch(part -> part.isEmpty() || part.equals(".") || part.equals(".."));
    if (!inside) {
      throw UserException.badData(
          "%s: the Hub lists a file called '%s', which leads out of its folder".formatted(name, file.replaceAll("\\p{Cntrl}", "?")),
          "check $HF_ENDPOINT: is it the mirror that you mean?");
    }
  }

  private Path get(URI address, String name) {
    try {
      Path file = Files.createTempFile("refusal-hub", ".json");
      Files.delete(file);
      download(address, file, name, "its list of files");
      file.toFile().deleteOnExit();
      return file;
    } catch (IOException e) {
      throw UserException.environment("no temporary file can be made: " + AtomicFiles.reason(e), "check $TMPDIR");
    }
  }

  private void download(URI address, Path target, String name, String what) {
    Path partial = target.resolveSibling(target.getFileName() + AtomicFiles.PARTIAL_SUFFIX);
    try {
      Files.createDirectories(target.getParent());
      long have = Files.exists(partial) ? Files.size(partial) : 0;
      Reply reply = open(address, have, name);
      HttpResponse<InputStream> response = reply.response();
      boolean goesOn = response.statusCode() == 206;
      Optional<String> part = response.headers().firstValue("Content-Range");
      if (goesOn && part.isPresent() && !part.get().startsWith("bytes " + have + "-")) {
        response.body().close();
        Files.deleteIfExists(partial);
        throw new IOException("another part of the file came than was asked for");
      }
      long expected = response.headers().firstValueAsLong("Content-Length").orElse(-1);
      long written = goesOn ? have : 0;
      try (InputStream in = response.body();
          FileChannel channel =
              FileChannel.open(
                  partial, StandardOpenOption.CREATE, StandardOpenOption.WRITE,
                  goesOn ? StandardOpenOption.APPEND : StandardOpenOption.TRUNCATE_EXISTING)) {
        OutputStream out = Channels.newOutputStream(channel);
        byte[] buffer = new byte[BUFFER];
        for (int count; (count = in.read(buffer)) >= 0; ) {
          out.write(buffer, 0, count);
          written += count;
        }
        channel.force(true);
      }
      if (expected >= 0 && written != expected + (goesOn ? have : 0)) {
        throw new IOException("the connection ended early");
      }
      if (reply.digest().isPresent() && !reply.digest().get().fits(partial)) {
        Files.delete(partial);
        throw new IOException("its bytes are not those of the digest that the Hub sent");
      }
      Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new UserException(
          ExitCode.ENVIRONMENT, "%s: %s could not be fetched: %s".formatted(name, what, reason(e, address.getHost())),
          "run the same command again: it goes on where it stopped", e);
    }
  }

  /** @param digest of the whole file, if the Hub itself told it */
  private record Reply(HttpResponse<InputStream> response, Optional<HubDigest> digest) {}

  private Reply open(URI address, long from, String name) throws IOException {
    URI at = address;
    Optional<HubDigest> digest = Optional.empty();
    for (int redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
      HttpRequest.Builder request = HttpRequest.newBuilder(at).GET().timeout(Duration.ofMinutes(30));
      if (from > 0) {
        request.header("Range", "bytes=" + from + "-");
      }
      if (token.isPresent() && hub.getAuthority().equals(at.getAuthority()) && hub.getScheme().equals(at.getScheme())) {
        request.header("Authorization", "Bearer " + token.get());
      }
      HttpResponse<InputStream> response;
      try {
        response = client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted");
      }
      int status = response.statusCode();
      if (digest.isEmpty() && hub.getAuthority().equals(at.getAuthority())) {
        digest = HubDigest.of(response.headers());
      }
      if (status == 200 || status == 206) {
        return new Reply(response, digest);
      }
      response.body().close();
      if (status == 416 && from > 0) {
        from = 0;
      } else if (status >= 300 && status < 400) {
        URI next =
            next(at, response.headers().firstValue("Location").orElseThrow(() -> new IOException("a redirect to nowhere")));
        if (at.getScheme().equals("https") && !next.getScheme().equals("https")) {
          throw new IOException("a redirect away from https");
        }
        at = next;
      } else if (status == 401 || status == 403) {
        throw new UserException(
            ExitCode.ENVIRONMENT, name + ": the Hub denies access (" + status + ")",
            token.isPresent()
                ? "accept the model's licence on its page with the account of your token"
                : "set HF_TOKEN, and accept the model's licence on its page");
      } else if (status == 404) {
        throw UserException.badData(name + ": the Hub knows no such repository or file");
      } else {
        throw new IOException("the Hub answered " + status);
      }
    }
    throw new IOException("too many redirects");
  }
}
