import { FileSystem } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import * as ProtectedServer from "@lms-bridge/testing/ProtectedServer"
import { Effect, Schedule } from "effect"
import { join } from "node:path"
import { patience, platform, world } from "./Harness.ts"

/** A world with one server, which wants a login, and with a browser that agrees to everything at once. */
const withServer = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const { env, home, run, start } = yield* world
  const server = yield* ProtectedServer.make()
  const mcpJson = join(home, "remote.json")
  yield* fs.writeFileString(mcpJson, JSON.stringify({ mcpServers: { tickets: { url: server.url } } }))
  const bin = join(home, "bin")
  yield* fs.makeDirectory(bin)
  for (const opener of ["xdg-open", "open"]) {
    yield* fs.writeFileString(join(bin, opener), "#!/usr/bin/env node\nfetch(process.argv[2])\n", { mode: 0o755 })
  }
  const more = { MCP_JSON_PATH: mcpJson, LMS_BRIDGE_LOG_LEVEL: "debug" }
  const withBrowser = { ...more, PATH: `${bin}:${env["PATH"]}` }
  const printed: Array<string> = []
  return {
    server,
    printed,
    run: Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
      const result = yield* run(args, withBrowser)
      printed.push(result.stdout, result.stderr)
      return result
    }),
    start: (...args: ReadonlyArray<string>) => start(args, more)
  }
})

const pageIn = (stderr: string) => /^http:\S+(?=\n)/m.exec(stderr)?.[0] ?? ""

describe("logins of the built lms-bridge", () => {
  it.scopedLive(
    "are made in the browser, used by later commands, and revoked, and no secret is ever printed",
    () =>
      Effect.gen(function* () {
        const { printed, run, server } = yield* withServer
        const before = yield* run("mcp", "tools", "tickets")
        assert.strictEqual(before.code, 6)
        assert.match(before.stderr, /it requires a login\..* Run `node \S+lms-bridge\.js mcp login tickets`/)
        assert.match((yield* run("doctor")).stdout, /tickets.*Run `node \S+lms-bridge\.js mcp login tickets`/)

        const login = yield* run("mcp", "login", "tickets")
        assert.strictEqual(login.stdout, "Logged in to tickets: 1 tool.\n", login.stderr)
        assert.strictEqual(login.code, 0)
        assert.include(login.stderr, "Log in to tickets in the browser. If it did not open, open this page:\nhttp:")
        assert.strictEqual((yield* run("mcp", "call", "tickets", "whoami")).stdout, "client-1\n")
        assert.include((yield* run("mcp", "ls", "--json")).stdout, '"login":"done"')

        assert.strictEqual((yield* run("mcp", "logout", "tickets")).stdout, "Logged out of tickets.\n")
        assert.deepStrictEqual(server.seen, ["register", "login", "token", "revoke"])
        assert.isAtLeast(server.secrets.size, 4)
        for (const secret of server.secrets) assert.notInclude(printed.join("\n"), secret)
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "wait with --no-browser for somebody to open the page, and ignore requests that do not belong to the login",
    () =>
      Effect.gen(function* () {
        const { run, server, start } = yield* withServer
        const login = yield* start("mcp", "login", "tickets", "--no-browser")
        yield* Effect.repeat(
          Effect.sync(() => pageIn(login.stderr())),
          { until: (found) => found !== "", schedule: Schedule.spaced("20 millis") }
        )
        const page = pageIn(login.stderr())
        const back = new URL(new URL(page).searchParams.get("redirect_uri") ?? "")
        assert.strictEqual(back.hostname, "127.0.0.1")
        yield* Effect.promise(() => server.browse(`${back.origin}/favicon.ico`))
        assert.include(yield* Effect.promise(() => server.browse(page)), "You can close this page")
        assert.deepInclude(yield* login.ended, { code: 0, stdout: "Logged in to tickets: 1 tool.\n" })

        server.behaviour.person = "refuses"
        const refused = yield* run("mcp", "login", "tickets")
        assert.strictEqual(refused.code, 1)
        assert.match(
          refused.stderr,
          /^lms-bridge: The login to MCP server "tickets" was refused: The person said no\./m
        )
        const late = yield* start("mcp", "login", "tickets", "--no-browser", "--timeout", "1s")
        assert.match((yield* late.ended).stderr, /^lms-bridge: Nobody logged in to .* within 1s\..*--timeout/m)
      }).pipe(Effect.provide(platform)),
    patience
  )
})
