import { FileSystem } from "@effect/platform"
import { assert, describe } from "@effect/vitest"
import { McpRegistry } from "#src/mcp/McpRegistry.ts"
import * as ProtectedServer from "@lms-bridge/testing/ProtectedServer"
import { Duration, Effect, Either, Logger, LogLevel } from "effect"
import { fixture, live, login, process, stateOfLogin, whoami } from "./fixture.ts"
import { comesBack, neverComesBack } from "./person.ts"

const files = Effect.fnUntraced(function* (dataDir: string) {
  const fs = yield* FileSystem.FileSystem
  const folder = `${dataDir}/logins`
  const names = yield* Effect.orElseSucceed(fs.readDirectory(folder), () => [])
  return names.map((name) => `${folder}/${name}`)
})

describe("a remote server that requires a login", () => {
  live("names the command to log in, and remembers that it is needed", () =>
    Effect.gen(function* () {
      const { run, server } = yield* fixture()
      const [error, state] = yield* run(Effect.all([Effect.flip(whoami), stateOfLogin]))
      assert.deepInclude(error, { _tag: "McpServerUnavailable", reason: "Unauthorized", lacks: "login", status: 401 })
      assert.match(
        error.message,
        /requires a login\. It said: not known.* Run `lms-bridge mcp login remote`, or put its token/
      )
      assert.strictEqual(state, "wanted")
      assert.deepStrictEqual(server.seen, [])
    })
  )

  live("is used after a login, by this process and by later ones, without asking anybody", () =>
    Effect.gen(function* () {
      const { run, server } = yield* fixture()
      const [before, , after, state] = yield* run(Effect.all([Effect.either(whoami), login(), whoami, stateOfLogin]))
      assert.isTrue(Either.isLeft(before))
      assert.strictEqual(after, "client-1")
      assert.strictEqual(state, "done")
      assert.strictEqual(yield* run(whoami), "client-1")
      assert.deepStrictEqual(server.seen, ["register", "login", "token"])
    })
  )

  live("is used over the older transport too", () =>
    Effect.gen(function* () {
      const { dataDir, server } = yield* fixture()
      const run = process(dataDir, { url: server.sse, type: "sse" })
      const error = yield* run(Effect.flip(whoami))
      assert.include(error.message, "lms-bridge mcp login remote")
      yield* run(login())
      assert.strictEqual(yield* run(whoami), "client-1")
    })
  )

  live("stores the login for its owner only, in one file, without leftovers", () =>
    Effect.gen(function* () {
      const { dataDir, fs, run } = yield* fixture()
      yield* fs.makeDirectory(`${dataDir}/logins`, { mode: 0o755 })
      yield* run(login())
      const found = yield* files(dataDir)
      assert.lengthOf(found, 1)
      const mode = (path: string) => Effect.map(fs.stat(path), ({ mode }) => (mode & 0o777).toString(8))
      assert.strictEqual(yield* mode(found[0] ?? ""), "600")
      assert.strictEqual(yield* mode(`${dataDir}/logins`), "700")
      assert.deepStrictEqual(yield* fs.readDirectory(`${dataDir}/locks`), [])
    })
  )

  live("does not get the token of another address under the same name", () =>
    Effect.gen(function* () {
      const { dataDir, run } = yield* fixture()
      yield* run(login())
      const other = yield* ProtectedServer.make()
      const error = yield* process(dataDir, { url: other.url })(Effect.flip(whoami))
      assert.deepInclude(error, { reason: "Unauthorized", lacks: "login" })
      // and the first login still exists
      assert.strictEqual(yield* run(whoami), "client-1")
    })
  )

  live("uses the token in its entry, which takes precedence over any login", () =>
    Effect.gen(function* () {
      const { dataDir, server } = yield* fixture()
      const run = process(dataDir, { url: server.url, headers: { authorization: "Bearer not-a-token" } })
      const error = yield* run(Effect.flip(whoami))
      assert.match(
        error.message,
        /does not accept the credentials in its entry\. It said: not known: <redacted>\. Correct "headers"/
      )
      assert.deepInclude(yield* run(Effect.flip(login())), { _tag: "McpLoginFailed", reason: "HeaderSet" })
    })
  )

  live("is logged out: the file is removed, and its login service is told", () =>
    Effect.gen(function* () {
      const { dataDir, run, server } = yield* fixture()
      const logout = Effect.flatMap(McpRegistry, (registry) => registry.logout("remote"))
      const [, , out, after] = yield* run(Effect.all([login(), whoami, logout, Effect.either(stateOfLogin)]))
      assert.isTrue(out)
      assert.deepStrictEqual(after, Either.right(undefined))
      assert.deepStrictEqual(yield* files(dataDir), [])
      assert.strictEqual(server.seen.at(-1), "revoke")
      assert.isFalse(yield* run(logout))
    })
  )
})

describe("an expired token", () => {
  live("is renewed before a request if its lifetime is known", () =>
    Effect.gen(function* () {
      const { run, server } = yield* fixture({ lasts: 10 })
      yield* run(login())
      assert.strictEqual(yield* run(whoami), "client-1")
      assert.include(server.seen, "refresh")
    })
  )

  live("is renewed in the middle of a connection when the server refuses it", () =>
    Effect.gen(function* () {
      const { run, server } = yield* fixture()
      const [, , , again] = yield* run(Effect.all([login(), whoami, Effect.sync(server.expire), whoami]))
      assert.strictEqual(again, "client-1")
      assert.deepStrictEqual(server.seen, ["register", "login", "token", "refresh"])
    })
  )

  live("is renewed by one of two processes, and the other uses the new one", () =>
    Effect.gen(function* () {
      const { run, server } = yield* fixture()
      yield* run(login())
      server.expire()
      assert.deepStrictEqual(yield* Effect.all([run(whoami), run(whoami)], { concurrency: 2 }), [
        "client-1",
        "client-1"
      ])
      assert.lengthOf(
        server.seen.filter((what) => what === "refresh"),
        1
      )
    })
  )

  live("asks for a new login when it cannot be renewed, which a running process then uses", () =>
    Effect.gen(function* () {
      const { run, server } = yield* fixture()
      yield* run(login())
      server.revoke()
      yield* run(
        Effect.gen(function* () {
          // often enough for a breaker to open, if it counted
          const errors = yield* Effect.replicateEffect(Effect.flip(whoami), 6)
          for (const error of errors) {
            assert.deepInclude(error, { reason: "Unauthorized", lacks: "renewal" })
            assert.match(
              error.message,
              /your login to it is no longer valid\. It said: not known.* Run `lms-bridge mcp login remote`\.$/
            )
          }
          assert.strictEqual(yield* stateOfLogin, "wanted")
          // by another process
          yield* run(login())
          assert.strictEqual(yield* whoami, "client-2")
        })
      )
      assert.lengthOf(
        server.seen.filter((what) => what === "refresh"),
        1
      )
    })
  )

  live("without a refresh token asks for a new login", () =>
    Effect.gen(function* () {
      const { run, server } = yield* fixture({ refreshes: false })
      yield* run(login())
      server.expire()
      assert.deepInclude(yield* run(Effect.flip(whoami)), { reason: "Unauthorized", lacks: "renewal" })
    })
  )

  live("asks for a login with more rights if the server requires more, in addition to the present ones", () =>
    Effect.gen(function* () {
      const { run, server } = yield* fixture()
      yield* run(login())
      server.behaviour.scope = "admin"
      const error = yield* run(Effect.flip(whoami))
      assert.deepInclude(error, { reason: "Unauthorized", lacks: "rights", status: 403 })
      assert.match(
        error.message,
        /your login to it does not cover this\. It said: insufficient scope\. Run `lms-bridge mcp login remote`\.$/
      )
      yield* run(login())
      assert.deepStrictEqual(server.scopes, ["", "tools admin"])
      assert.strictEqual(yield* run(whoami), "client-2")
    })
  )
})

describe("a login that fails", () => {
  const failing = (
    what: string,
    behaviour: Partial<ProtectedServer.Behaviour>,
    expected: { readonly reason: string; readonly message: RegExp },
    openCallback = comesBack,
    timeout = Duration.seconds(20)
  ) =>
    live(`says that ${what}, and stores nothing`, () =>
      Effect.gen(function* () {
        const { dataDir, fs, run } = yield* fixture(behaviour)
        const error = yield* run(Effect.flip(login(openCallback, timeout)))
        assert.strictEqual(
          `${error._tag} ${"reason" in error ? error.reason : ""}`,
          `McpLoginFailed ${expected.reason}`
        )
        assert.match(error.message, expected.message)
        for (const file of yield* files(dataDir)) assert.notInclude(yield* fs.readFileString(file), '"tokens"')
      })
    )

  failing(
    "the person refused",
    { person: "refuses" },
    { reason: "Denied", message: /was refused: The person said no\. Run `lms-bridge mcp login remote` again\.$/ }
  )
  failing(
    "an answer belongs to another login",
    { person: "is somebody else's" },
    { reason: "WrongState", message: /does not belong to this login .* was not used/ }
  )
  failing(
    "an answer comes from another service",
    { issuer: "https://evil.example" },
    { reason: "WrongIssuer", message: /not from the login service .*evil\.example/ }
  )
  failing(
    "an answer does not name its issuer although that was promised",
    { namesItself: "promised and not done" },
    { reason: "WrongIssuer", message: /does not name its issuer/ }
  )
  failing(
    "the metadata belong to a service other than the one the server names",
    { metadataOf: "https://evil.example" },
    { reason: "OtherIssuer", message: /metadata belong to https:\/\/evil\.example.*nothing was sent there/ }
  )
  failing(
    "no name of this machine is allowed for the redirect",
    { comesBackTo: "elsewhere.example" },
    { reason: "RegistrationRefused", message: /invalid_redirect_uri/ }
  )
  failing(
    "clients are not registered",
    { registration: "refused" },
    { reason: "RegistrationRefused", message: /only by hand\. Register a client there, and put "oauth": \{"clientId"/ }
  )
  failing(
    "clients cannot register themselves",
    { registration: "none" },
    { reason: "RegistrationRefused", message: /Register a client there/ }
  )
  failing(
    "the server does not say where to log in",
    { metadata: false },
    { reason: "NoMetadata", message: /does not say where to log in.*Put its token into "headers"/ }
  )
  failing(
    "the login page does not use https",
    { page: "http://login.example/authorize" },
    { reason: "Insecure", message: /does not use https \(http:\/\/login\.example\)/ }
  )
  failing(
    "nobody logged in in time",
    {},
    { reason: "Timeout", message: /Nobody logged in to MCP server "remote" within 300ms.*--timeout/ },
    neverComesBack,
    Duration.millis(300)
  )

  for (const comesBackTo of ["localhost", "127.0.0.1"]) {
    live(`succeeds if ${comesBackTo} is the only allowed name of this machine`, () =>
      Effect.gen(function* () {
        const { run } = yield* fixture({ comesBackTo, namesItself: "no" })
        yield* run(login())
        assert.strictEqual(yield* run(whoami), "client-1")
      })
    )
  }

  live("keeps the previous login", () =>
    Effect.gen(function* () {
      const { run, server } = yield* fixture()
      yield* run(login())
      server.behaviour.person = "refuses"
      yield* run(Effect.flip(login()))
      assert.strictEqual(yield* run(whoami), "client-1")
    })
  )

  live("says that a program has no login, and that an open server needs none", () =>
    Effect.gen(function* () {
      const { dataDir, run } = yield* fixture({ open: true, metadata: false })
      assert.strictEqual(yield* run(whoami), "anybody")
      assert.include((yield* run(Effect.flip(login()))).message, "needs no login")
      const program = process(dataDir, { command: "node" })
      assert.deepInclude(yield* program(Effect.flip(login())), { reason: "NotRemote" })
    })
  )
})

describe("a client that the user has registered", () => {
  live("logs in with the id and the secret of the entry, sent as the service requires", () =>
    Effect.gen(function* () {
      for (const method of ["client_secret_basic", "client_secret_post"]) {
        const { dataDir, fs, server } = yield* fixture({
          registration: "none",
          clients: { mine: "a-secret-of-mine" },
          authMethods: [method]
        })
        const run = process(dataDir, {
          url: server.url,
          oauth: { clientId: "mine", clientSecret: "a-secret-of-mine", scope: "tools extra" }
        })
        yield* run(login())
        server.expire()
        assert.strictEqual(yield* run(whoami), "mine")
        assert.deepStrictEqual(server.seen, ["login", "token", "refresh"])
        assert.deepStrictEqual(server.scopes, ["tools extra"])
        // the entry already has it
        const [file = ""] = yield* files(dataDir)
        assert.notInclude(yield* fs.readFileString(file), "a-secret-of-mine")
      }
    })
  )

  live("returns to the registered name of this machine", () =>
    Effect.gen(function* () {
      const client = { clientId: "mine", clientSecret: "a-secret-of-mine" }
      for (const host of ["localhost", "127.0.0.1"]) {
        const { dataDir, server } = yield* fixture({ clients: { mine: client.clientSecret }, comesBackTo: host })
        yield* process(dataDir, { url: server.url, oauth: { ...client, callbackHost: host } })(login())
      }
    })
  )

  live("needs no person if its secret is the login, and says so when the secret is refused", () =>
    Effect.gen(function* () {
      const { dataDir, server } = yield* fixture({
        clients: { robot: "the-robots-secret" },
        refreshes: false,
        lasts: 5
      })
      const entry = (clientSecret: string) => ({
        url: server.url,
        oauth: { clientId: "robot", clientSecret, grantType: "client_credentials" }
      })
      const run = process(dataDir, entry("the-robots-secret"))
      assert.deepStrictEqual(yield* run(Effect.all([whoami, whoami, stateOfLogin])), ["robot", "robot", "done"])
      assert.notInclude(server.seen, "login")
      assert.deepInclude(yield* run(Effect.flip(login())), { reason: "ByItself" })
      server.expire()
      const error = yield* process(dataDir, entry("another-secret"))(Effect.flip(whoami))
      assert.deepInclude(error, { reason: "Unauthorized", lacks: "client" })
      assert.notInclude(error.message, "mcp login")
    })
  )
})

describe("secrets of a login", () => {
  live("are in its file, and in no log line, error or listing", () =>
    Effect.gen(function* () {
      const { dataDir, fs, server } = yield* fixture({
        lasts: 10,
        authMethods: ["client_secret_post"]
      })
      const shown: Array<string> = []
      const log = Logger.make((line) => void shown.push(Logger.jsonLogger.log(line)))
      const everything = Effect.gen(function* () {
        const registry = yield* McpRegistry
        yield* login()
        yield* whoami
        shown.push(JSON.stringify(yield* registry.servers))
        server.revoke()
        for (const failure of [yield* Effect.flip(whoami), yield* Effect.flip(whoami)]) {
          shown.push(JSON.stringify(failure), failure.message, String(failure.stack))
        }
        server.behaviour.registration = "refused"
        const failure = yield* Effect.flip(login())
        shown.push(JSON.stringify(failure), failure.message)
        shown.push(JSON.stringify(yield* registry.servers))
      })
      yield* process(dataDir, { url: server.url })(everything).pipe(
        Logger.withMinimumLogLevel(LogLevel.All),
        Effect.provide(Logger.replace(Logger.defaultLogger, log))
      )
      assert.isAtLeast(server.secrets.size, 6)
      assert.include(shown.join("\n"), "could not be renewed")
      for (const secret of server.secrets) assert.notInclude(shown.join("\n"), secret)
      const [file = ""] = yield* files(dataDir)
      assert.include(yield* fs.readFileString(file), "client-secret-")
    })
  )
})
