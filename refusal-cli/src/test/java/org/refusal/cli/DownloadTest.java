package org.refusal.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.refusal.base.Digests;

/** Against two servers on this machine: the Hub, and another host to which it sends for large files. */
class DownloadTest {
  private static final String TOKEN = "hf_secret_token";
  private static final byte[] WEIGHTS = new byte[100_000];

  @TempDir Path folder;
  private HttpServer hub;
  private HttpServer storage;

  /** By how many bytes the storage misses the part that is asked for. */
  private int shift;
  private final List<String> storageSaw = new ArrayList<>();
  private final List<String> hubSaw = new ArrayList<>();

  @BeforeEach
  void serve() throws IOException {
    for (int i = 0; i < WEIGHTS.length; i++) {
      WEIGHTS[i] = (byte) i;
    }
    storage = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    storage.createContext("/", exchange -> {
      storageSaw.add(exchange.getRequestHeaders().getFirst("Authorization") + " " + exchange.getRequestHeaders().getFirst("Range"));
      String range = exchange.getRequestHeaders().getFirst("Range");
      int from = range == null ? 0 : Integer.parseInt(range.replaceAll("\\D", "")) + shift;
      if (range != null) {
        exchange.getResponseHeaders().add("Content-Range", "bytes %d-%d/%d".formatted(from, WEIGHTS.length - 1, WEIGHTS.length));
      }
      answer(exchange, range == null ? 200 : 206, Arrays.copyOfRange(WEIGHTS, from, WEIGHTS.length));
    });
    storage.start();
    hub = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    hub.createContext("/api/models/org/name", exchange -> {
      hubSaw.add(exchange.getRequestHeaders().getFirst("Authorization"));
      answer(exchange, 200,
          ("{\"sha\": \"abcdef012345\", \"siblings\": [{\"rfilename\": \"config.json\"}, {\"rfilename\": \"model.safetensors\"},"
                  + " {\"rfilename\": \"pytorch_model.bin\"}]}")
              .getBytes(StandardCharsets.UTF_8));
    });
    hub.createContext("/org/name/resolve/abcdef012345/config.json", exchange ->
        answer(exchange, 200, "{}".getBytes(StandardCharsets.UTF_8)));
    hub.createContext("/org/name/resolve/abcdef012345/model.safetensors", exchange -> {
      exchange.getResponseHeaders().add("Location", "http://127.0.0.1:" + storage.getAddress().getPort() + "/blob");
      answer(exchange, 302, new byte[0]);
    });
    hub.createContext("/api/models/org/gated", exchange -> answer(exchange, 401, new byte[0]));
    hub.start();
  }

  @AfterEach
  void stop() {
    hub.stop(0);
    storage.stop(0);
  }

  private static void answer(HttpExchange exchange, int status, byte[] body) throws IOException {
    exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }

  private record Ran(int code, String out, String err) {}

  private Ran run(String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    Map<String, String> environment =
        Map.of("HF_ENDPOINT", "http://localhost:" + hub.getAddress().getPort(), "HF_TOKEN", TOKEN);
    int code = Main.run(new PrintWriter(out, true), new PrintWriter(err, true), environment, arguments);
    return new Ran(code, out.toString(), err.toString());
  }

  @Test
  void fillsTheCacheAndSendsTheTokenToNoOtherHost() throws IOException {
    Ran ran = run("download", "--model", "org/name", "--cache-dir", folder.toString());

    assertThat(ran.code()).as(ran.err()).isZero();
    Path snapshot = folder.resolve("models--org--name/snapshots/abcdef012345");
    assertThat(snapshot.resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
    assertThat(snapshot.resolve("config.json")).hasContent("{}");
    assertThat(snapshot.resolve("pytorch_model.bin")).doesNotExist();
    assertThat(Files.readString(folder.resolve("models--org--name/refs/main"))).isEqualTo("abcdef012345");
    assertThat(hubSaw).containsExactly("Bearer " + TOKEN);
    assertThat(storageSaw).containsExactly("null null");
    assertThat(ran.out() + ran.err()).doesNotContain(TOKEN);
  }

  @Test
  void goesOnWhereItStopped() throws IOException {
    Path partial = folder.resolve("models--org--name/snapshots/abcdef012345/model.safetensors.partial");
    Files.createDirectories(partial.getParent());
    Files.write(partial, Arrays.copyOf(WEIGHTS, 40_000));

    Ran ran = run("download", "--model", "org/name", "--cache-dir", folder.toString());

    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(storageSaw).containsExactly("null bytes=40000-");
    assertThat(partial.resolveSibling("model.safetensors")).hasBinaryContent(WEIGHTS);
    assertThat(partial).doesNotExist();
  }

  @Test
  void anotherPartThanWasAskedForIsNotAppended() throws IOException {
    Path partial = folder.resolve("models--org--name/snapshots/abcdef012345/model.safetensors.partial");
    Files.createDirectories(partial.getParent());
    Files.write(partial, Arrays.copyOf(WEIGHTS, 40_000));
    shift = 1;

    Ran ran = run("download", "--model", "org/name", "--cache-dir", folder.toString());

    assertThat(ran.code()).isEqualTo(69);
    assertThat(ran.err()).contains("another part of the file came than was asked for");
    assertThat(partial).doesNotExist();
    assertThat(run("download", "--model", "org/name", "--cache-dir", folder.toString()).code()).isZero();
    assertThat(partial.resolveSibling("model.safetensors")).hasBinaryContent(WEIGHTS);
  }

  @Test
  void theTokensOlderNameCountsAndLineEndsInATokenDoNot() {
    assertThat(DownloadCommand.token(Map.of("HUGGING_FACE_HUB_TOKEN", "old"))).contains("old");
    assertThat(DownloadCommand.token(Map.of("HF_TOKEN", " ne\r\nw\n", "HUGGING_FACE_HUB_TOKEN", "old"))).contains("new");
    assertThatThrownBy(() -> DownloadCommand.token(Map.of("HF_TOKEN", "hf_s\u00e9cret")))
        .hasMessage("$HF_TOKEN holds characters that no token has");
  }

  @Test
  void deniedAndUnknownRepositoriesAreOneLine() {
    Ran denied = run("download", "--model", "org/gated", "--cache-dir", folder.toString());
    assertThat(denied.code()).isEqualTo(69);
    assertThat(denied.err()).contains("org/gated: the Hub denies access (401)").doesNotContain(TOKEN);

    Ran unknown = run("download", "--model", "org/nothing", "--cache-dir", folder.toString());
    assertThat(unknown.code()).isEqualTo(65);
    assertThat(unknown.err()).contains("org/nothing: the Hub knows no such repository");

    assertThat(run("download").code()).isEqualTo(2);
    assertThat(run("download", "--model", "../x").code()).isEqualTo(2);
  }

  private void serve(String name, String siblings) {
    hub.createContext("/api/models/org/" + name, exchange ->
        answer(exchange, 200, ("{\"sha\": \"abcdef012345\", \"siblings\": [" + siblings + "]}").getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void namesThatLeadOutOfTheFolderAreRefused() {
    int number = 0;
    for (String file : List.of("/etc/config.json", "../config.json", "a/../../config.json", "C:\\\\config.json", "a//config.json")) {
      String name = "names" + number++;
      serve(name, "{\"rfilename\": \"config.json\"}, {\"rfilename\": \"" + file + "\"}");
      Ran ran = run("download", "--model", "org/" + name, "--cache-dir", folder.toString());
      assertThat(ran.code()).as(file).isEqualTo(65);
      assertThat(ran.err()).contains("the Hub lists a file called '", "leads out of its folder");
      assertThat(folder.resolve("models--org--" + name)).doesNotExist();
    }
  }

  @Test
  void bytesOfAnotherDigestAreNotKept() throws IOException {
    serve("digest", "{\"rfilename\": \"config.json\"}, {\"rfilename\": \"model.safetensors\"}");
    hub.createContext("/org/digest/resolve/abcdef012345/config.json", exchange -> {
      exchange.getResponseHeaders().add("ETag", "\"9e26dfeeb6e641a33dae4961196235bdb965b21b\""); // git's name of {}
      answer(exchange, 200, "{}".getBytes(StandardCharsets.UTF_8));
    });
    String[] digest = {"\"0000000000000000000000000000000000000000000000000000000000000000\""};
    hub.createContext("/org/digest/resolve/abcdef012345/model.safetensors", exchange -> {
      exchange.getResponseHeaders().add("X-Linked-Etag", digest[0]);
      exchange.getResponseHeaders().add("Location", "http://127.0.0.1:" + storage.getAddress().getPort() + "/blob");
      answer(exchange, 302, new byte[0]);
    });

    Ran ran = run("download", "--model", "org/digest", "--cache-dir", folder.toString());

    Path snapshot = folder.resolve("models--org--digest/snapshots/abcdef012345");
    assertThat(ran.code()).isEqualTo(69);
    assertThat(ran.err()).contains("model.safetensors could not be fetched: its bytes are not those of the digest");
    assertThat(snapshot.resolve("config.json")).hasContent("{}");
    assertThat(snapshot.resolve("model.safetensors")).doesNotExist();
    assertThat(snapshot.resolve("model.safetensors.partial")).doesNotExist();
    assertThat(folder.resolve("models--org--digest/refs")).doesNotExist();

    digest[0] = "\"" + Digests.sha256(Files.write(folder.resolve("weights"), WEIGHTS)) + "\"";
    assertThat(run("download", "--model", "org/digest", "--cache-dir", folder.toString()).code()).isZero();
    assertThat(snapshot.resolve("model.safetensors")).hasBinaryContent(WEIGHTS);
  }

  private Ran at(String endpoint, String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int code = Main.run(new PrintWriter(out, true), new PrintWriter(err, true), Map.of("HF_ENDPOINT", endpoint), arguments);
    return new Ran(code, out.toString(), err.toString());
  }

  @Test
  void aMirrorThatIsNoAddressIsAConfigsMistake() {
    for (String endpoint : List.of("hf-mirror.com", "ftp://host", "http://a b", "http://", "/x")) {
      Ran ran = at(endpoint, "download", "--model", "org/name", "--cache-dir", folder.toString());
      assertThat(ran.code()).as(endpoint).isEqualTo(78);
      assertThat(ran.err()).startsWith("refusal: error: $HF_ENDPOINT: '" + endpoint + "' is no address of a mirror").doesNotContain("\tat ");
    }
  }

  @Test
  void whoDoesNotAnswerIsNamed() {
    int port = hub.getAddress().getPort();
    hub.stop(0);
    Ran ran = at("http://127.0.0.1:" + port, "download", "--model", "org/name", "--cache-dir", folder.toString());
    assertThat(ran.code()).isEqualTo(69);
    assertThat(ran.err()).contains("org/name: its list of files could not be fetched: no connection to 127.0.0.1");
  }

  @Test
  void aMirrorsPathAndNamesWithBlanksAreKept() throws IOException {
    hub.createContext("/mirror/api/models/org/name", exchange ->
        answer(
            exchange, 200,
            "{\"sha\": \"abcdef012345\", \"siblings\": [{\"rfilename\": \"a b#1%2?.json\"}]}".getBytes(StandardCharsets.UTF_8)));
    hub.createContext("/mirror/org/name/resolve/abcdef012345/", exchange -> {
      assertThat(exchange.getRequestURI().getRawPath()).endsWith("/a%20b%231%252%3F.json");
      answer(exchange, 200, "{}".getBytes(StandardCharsets.UTF_8));
    });

    Ran ran =
        at("http://localhost:" + hub.getAddress().getPort() + "/mirror/", "download", "--model", "org/name", "--cache-dir", folder.toString());

    assertThat(ran.code()).as(ran.err()).isZero();
    assertThat(folder.resolve("models--org--name/snapshots/abcdef012345/a b#1%2?.json")).hasContent("{}");
  }

  @Test
  void aRevisionHasItsOwnName() throws IOException {
    hub.createContext("/api/models/org/name/revision/v2", exchange ->
        answer(exchange, 200, "{\"sha\": \"abcdef012345\", \"siblings\": [{\"rfilename\": \"config.json\"}]}".getBytes(StandardCharsets.UTF_8)));

    assertThat(run("download", "--model", "org/name@v2", "--cache-dir", folder.toString()).code()).isZero();

    assertThat(folder.resolve("models--org--name/refs/v2")).hasContent("abcdef012345");
    assertThat(folder.resolve("models--org--name/refs/main")).doesNotExist();
  }
}
