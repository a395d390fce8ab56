import { assert, describe, it } from "@effect/vitest"
import * as KnownTokens from "#src/mcp/redaction/KnownTokens.ts"
import * as Redaction from "#src/mcp/redaction/Redaction.ts"
import { shownJson } from "#src/mcp/redaction/ShownJson.ts"
import type { ConfigEntry, EntrySettings } from "#src/mcp/config/McpConfig.ts"
import * as ServerDefinition from "#src/mcp/config/ServerDefinition.ts"
import { Either, Encoding, FastCheck, Redacted } from "effect"

const define = (settings: EntrySettings): ServerDefinition.ServerDefinition => {
  const entry: ConfigEntry = {
    name: "it",
    source: "/mcp.json",
    line: 1,
    inputs: new Map(),
    settings: Either.right(settings)
  }
  const variables = { environment: () => undefined, workspaceFolder: "/w", userHome: "/h" }
  return ServerDefinition.make(entry, { variables, nested: false })
}

const launchOf = (settings: EntrySettings) => Either.getOrThrow(define(settings).launch)

const redactionOf = (settings: EntrySettings) => Redaction.of(launchOf(settings))

/** Everything that is shown of an entry, in one text. */
const shown = (settings: EntrySettings) => JSON.stringify(define(settings).shown)

/** A secret in each place where people write them. */
const places: Readonly<Record<string, (secret: string) => EntrySettings>> = {
  "a DSN as argument": (secret) => ({ command: "srv", args: [`postgres://me:${secret}@db:5432/app`] }),
  "a DSN as variable": (secret) => ({ command: "srv", env: { WHERE: `postgres://me:${secret}@db/app` } }),
  "a user alone": (secret) => ({ command: "git-mcp", args: [`https://${secret}@github.com/a/b`] }),
  "a connection string": (secret) => ({ command: "srv", args: [`Server=db;User Id=me;Password=${secret};`] }),
  "words of libpq": (secret) => ({ command: "srv", args: [`host=db user=me password=${secret}`] }),
  "the URL's password": (secret) => ({ url: `https://me:${secret}@host/mcp` }),
  "the URL's query": (secret) => ({ url: `https://host/mcp?mode=a&api_key=${secret}` }),
  "the URL of a proxy": (secret) => ({ command: "npx", args: ["mcp-remote", `https://h/sse?token=${secret}`] }),
  "an option": (secret) => ({ command: "srv", args: ["--api-key", secret] }),
  "an option with =": (secret) => ({ command: "srv", args: [`--token=${secret}`] }),
  "an option in camelCase": (secret) => ({ command: "srv", args: [`--apiKey=${secret}`] }),
  "a header": (secret) => ({
    command: "npx",
    args: ["mcp-remote", "https://h/", "--header", `Authorization: Bearer ${secret}`]
  }),
  "a header without space": (secret) => ({ command: "npx", args: ["-H", `X-Custom:${secret}`] }),
  "a header with =": (secret) => ({
    command: "npx",
    args: [`--header=Authorization: Basic ${Encoding.encodeBase64(`me:${secret}`)}`]
  }),
  "-u": (secret) => ({ command: "curl-mcp", args: ["-u", `me:${secret}`] }),
  "-p": (secret) => ({ command: "mysql-mcp", args: ["-u", "root", "-p", secret] }),
  "docker -e": (secret) => ({ command: "docker", args: ["run", "-e", `DB_PASSWORD=${secret}`, "mcp/db"] }),
  "JSON as argument": (secret) => ({
    command: "srv",
    args: ["--config", JSON.stringify({ nested: [{ apiKey: secret }] })]
  }),
  "JSON as variable": (secret) => ({
    command: "srv",
    env: { OPENAPI_MCP_HEADERS: JSON.stringify({ Authorization: `Bearer ${secret}` }) }
  }),
  "a variable": (secret) => ({ command: "srv", env: { PGPASSWORD: secret } }),
  "a header of HTTP": (secret) => ({ url: "https://host/mcp", headers: { "X-Whatever": secret } }),
  "a token of HTTP": (secret) => ({ url: "https://host/mcp", headers: { Authorization: `Bearer ${secret}` } })
}

const pem = (key: string) => `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----`

const secrets = FastCheck.stringMatching(/^[A-Za-z][A-Za-z0-9]{3,12}[0-9][A-Za-z0-9]{1,12}$/)

describe("Redaction", () => {
  for (const [place, entry] of Object.entries(places)) {
    it(`neither shows nor passes on a secret in ${place}`, () => {
      FastCheck.assert(
        FastCheck.property(secrets, (secret) => {
          const settings = entry(secret)
          assert.notInclude(shown(settings), secret)
          const { text } = redactionOf(settings)
          const said = text(`Cannot connect with ${secret}: see "${encodeURIComponent(secret)}"`)
          assert.notInclude(said, secret)
          assert.include(said, "Cannot connect with <redacted>: see")
        })
      )
    })
  }

  it("finds a secret by its form where nothing names it", () => {
    for (const settings of [
      { url: "https://mcp.example/s/abcdef123456/mcp" },
      { command: "npx", args: ["mcp-remote", "https://mcp.example/s/abcdef123456/mcp"] },
      { command: "srv", args: ["abcdef123456"] },
      { command: "srv", args: ["--as", "me:abcdef123456"] },
      { command: "srv", env: { ANYTHING: "abcdef123456" } },
      { command: "docker", args: ["run", "-e", "ANYTHING=abcdef123456", "mcp/srv"] },
      { url: "https://host/mcp?anything=abcdef123456" },
      { command: "srv", env: { ANYTHING: "abcdef123456", AGAIN: "https://mcp.example/s/abcdef123456/mcp" } }
    ] satisfies ReadonlyArray<EntrySettings>) {
      assert.notInclude(shown(settings), "abcdef123456")
      assert.notInclude(redactionOf(settings).text("404 at /s/abcdef123456/mcp"), "abcdef123456")
    }
  })

  it.each<[string, string, EntrySettings]>([
    [
      "a key's lines",
      "MIIEvQIBADANBgkq9w0BAQEF",
      { command: "srv", env: { PEM: pem("MIIEvQIBADANBgkq9w0BAQEF\n+x9/a8==") } }
    ],
    [
      "a key on one line",
      "MIIEvQIBADANBgkq9w0BAQEF",
      { command: "srv", args: [pem("MIIEvQIBADANBgkq9w0BAQEF\\n+x9/a8==")] }
    ],
    [
      "a cookie in a variable",
      "s3cr3tAbc9",
      { command: "srv", env: { HEADERS: "X-Api-Key: a1b2c3\nCookie: a=b; sid=s3cr3tAbc9" } }
    ],
    [
      "the content of Basic",
      "s3cr3tA",
      { command: "srv", env: { H: `Authorization: Basic ${Encoding.encodeBase64("me:s3cr3tA")}` } }
    ],
    ["a part of an address", "T0aB12cD34", { command: "srv", env: { HOOK: "https://hooks.host/services/T0aB12cD34" } }],
    ["a parameter of an address", "T0aB12cD34", { url: "https://host/mcp?profile=T0aB12cD34" }],
    ["an address without scheme", "s3cr3tA", { command: "srv", args: ["me:s3cr3tA@db.host.io:5432/app"] }],
    ["-k", "T0aB12cD34", { command: "srv", args: ["-k", "T0aB12cD34"] }],
    ["-p and password in one", "T0aB12cD34", { command: "srv", args: ["-pT0aB12cD34"] }],
    ["a user with a password", "T0aB12cD34", { command: "srv", args: ["me:T0aB12cD34"] }],
    ["a short password", "hunter2", { command: "srv", args: ["--password", "hunter2"] }],
    ["a random argument", "aB3dE6gH9jK2mN5pQ8sT", { command: "srv", args: ["aB3dE6gH9jK2mN5pQ8sT"] }]
  ])("hides from a model, too: %s", (_, secret, settings) => {
    const { said } = redactionOf(settings)
    assert.strictEqual(said(`got ${secret}, and went on`), "got <redacted>, and went on")
  })

  it("hides random-looking parts of a program's path", () => {
    const { text } = redactionOf({ command: "/opt/aB3dE6gH9jK2mN5pQ8sT/srv" })
    assert.strictEqual(text("/opt/aB3dE6gH9jK2mN5pQ8sT/srv ended"), "/opt/<redacted>/srv ended")
  })

  it("does not hide ids from a model, which must be able to use them", () => {
    const id = "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgVE2upms"
    for (const settings of [
      { command: "srv", args: ["--spreadsheet-id", id] },
      { command: "srv", env: { SPREADSHEET_ID: id } },
      { command: "srv", args: ["--as", "npm:left-pad1@1.3.0", "user:tag1234@sha256"] }
    ] satisfies ReadonlyArray<EntrySettings>) {
      const { said } = redactionOf(settings)
      assert.strictEqual(said(`Sheet ${id} of npm:left-pad1@1.3.0`), `Sheet ${id} of npm:left-pad1@1.3.0`)
    }
  })

  it("recognises an encoded secret", () => {
    const secret = "s3cr3t/+&ü pass"
    const { text } = redactionOf({ command: "srv", env: { DB_PASSWORD: secret } })
    const forms = [
      secret,
      encodeURIComponent(secret),
      encodeURIComponent(secret).toLowerCase(),
      JSON.stringify(secret),
      Encoding.encodeBase64(secret),
      Encoding.encodeBase64Url(secret),
      Encoding.encodeBase64(`me:${secret}`),
      Encoding.encodeBase64(`user:${secret}:more`)
    ]
    for (const form of forms) {
      const hidden = text(`<<${form}>>`)
      assert.include(hidden, "<redacted>", form)
      for (const other of [secret, encodeURIComponent(secret)]) assert.notInclude(hidden, other)
    }
    const encoded = redactionOf({ url: "https://me:p%40ss%2Fword1@host/mcp" })
    assert.notInclude(encoded.text("refused: p@ss/word1 and p%40ss%2Fword1"), "word1")
  })

  it("sends user and password of a URL as Basic, if the entry sets no other header", () => {
    const launch = launchOf({ url: "https://me:p%40ss:x@host:8443/mcp?a=b" })
    assert.isTrue(launch._tag === "Http")
    if (launch._tag !== "Http") return
    assert.strictEqual(Redacted.value(launch.url), "https://host:8443/mcp?a=b")
    const header = launch.headers["Authorization"]
    assert.strictEqual(header && Redacted.value(header), `Basic ${Encoding.encodeBase64("me:p@ss:x")}`)
    const own = launchOf({ url: "https://me:pw@host/mcp", headers: { authorization: "Bearer mine" } })
    assert.deepStrictEqual(own._tag === "Http" ? Object.keys(own.headers) : [], ["authorization"])
  })

  it.each([
    [["-y", "@modelcontextprotocol/server-filesystem@2026.8.31", "/home/me/work", "."]],
    [["run", "-i", "--rm", "-p", "8080:80", "mcp/postgres:latest", "-e", "MODE=fast", "--name=my-server"]],
    [["--directory", "~/src/mcp-servers/v1alpha1", "run", "server.py", "--port", "3000", "--verbose"]],
    [["-p", "some-package", "--max-tokens", "4096", "--keyboard", "us", "--tokenizer", "cl100k_base"]],
    [["mcp-remote", "https://mcp.example.com/v1/sse", "--transport", "http-only", "--host", "127.0.0.1:8080"]],
    [
      ["--key", "/etc/ssl/private/server.key", "--since", "2025-11-25T10:00:00", "--model", "qwen2.5-coder-7b-instruct"]
    ],
    [["-c", "import server; server.main()", "--token", "${TOKEN}", "--header", "Authorization: ${HEADER}"]],
    [["C:\\Users\\me\\AppData\\Local\\Programs\\server.js", "C:/work", "\\\\share\\folder"]]
  ])("leaves what is plainly public as it is: %j", (args) => {
    assert.deepStrictEqual(Redaction.shownArguments(args), args)
    const settings: EntrySettings = { command: "node", args: args.map((arg) => arg.replaceAll("$", "")) }
    const message = `node ${args.join(" ")} ended: Cannot find module "." in /home/me/work; http error, token missing`
    assert.strictEqual(
      Redaction.make(Redaction.secretsOf(launchOf(settings)).filter(({ sure }) => !sure)).text(message),
      message
    )
  })

  it("does not make messages unreadable, whatever an entry calls a secret", () => {
    const { said, text } = redactionOf({
      command: "node",
      env: { TOKEN: "node", PASSWORD: ".", KEY: "abc", SECRET: "true", AUTH: "", PGPASSWORD: "postgres" }
    })
    const message = "node server.js: abcess at . is true"
    assert.strictEqual(text(message), message)
    assert.strictEqual(text("abc, postgres"), "<redacted>, <redacted>")
    // a model that works on a database must be able to read its name
    assert.strictEqual(said("abc, postgres"), "abc, postgres")
  })

  it("shows models and clients only the program's name and the host", () => {
    const brief = (settings: EntrySettings) => define(settings).shown.brief
    assert.strictEqual(brief({ command: "/opt/bin/srv", args: ["--token", "x"] }), "srv")
    assert.strictEqual(brief({ command: "C:\\Program Files\\nodejs\\node.exe" }), "node.exe")
    assert.strictEqual(brief({ command: "npx -y srv --token abc/def" }), "npx")
    assert.strictEqual(brief({ url: "https://me:pw@host:8443/s/abc?key=x" }), "host:8443")
    assert.strictEqual(brief({ url: "no url" }), "")
  })

  it("handles any text, and any text in any entry", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.string({ unit: "binary" }), FastCheck.string({ unit: "binary" }), (one, other) => {
        const settings: EntrySettings = { command: "srv", args: [one, `--token=${other}`], env: { [one]: other } }
        assert.isString(redactionOf(settings).text(`${other}${one}`))
        assert.isString(shown(settings))
        assert.isString(shown({ url: one, headers: { [one]: other } }))
        assert.isBoolean(KnownTokens.isPlain(one))
      })
    )
  })
})

describe("ShownJson", () => {
  const entry = {
    command: "npx",
    args: ["-y", "srv", "--token", "s3cr3tA", "--verbose"],
    env: { TOKEN: "s3cr3tB", mode: "s3cr3tC" },
    url: "https://me:s3cr3tD@host/mcp?key=s3cr3tE",
    headers: { Authorization: "Bearer s3cr3tF" }
  }

  it.each([undefined, 2])("masks only secrets, however the text is indented (%s)", (space) => {
    const shown = shownJson(JSON.stringify({ servers: { it: entry } }, null, space), new Set(["mode"]))
    assert.notMatch(shown, /s3cr3t/)
    assert.deepStrictEqual(JSON.parse(shown), {
      servers: {
        it: {
          command: "npx",
          args: ["-y", "srv", "--token", "***", "--verbose"],
          env: { TOKEN: "***", mode: "***" },
          url: "https://host/mcp",
          headers: { Authorization: "***" }
        }
      }
    })
  })
})
