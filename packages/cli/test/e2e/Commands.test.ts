import { assert, describe, it } from "@effect/vitest"
import { version } from "#src/version.ts"
import { Effect, Schedule } from "effect"
import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { bundle, closedAddress, isReadable, patience, platform, processesAtHome, world } from "./Harness.ts"

const key = "qwen/qwen3-4b-2507"

describe("the built lms-bridge", () => {
  it.scopedLive(
    "prints its version in one line, and its help without colours where there is no terminal",
    () =>
      Effect.gen(function* () {
        const { run } = yield* world
        assert.deepStrictEqual(yield* run(["--version"]), { code: 0, stdout: `${version}\n`, stderr: "" })
        assert.strictEqual((yield* run(["models", "--version"])).stdout, `${version}\n`)
        // help needs no usable settings
        const help = yield* run(["--help"], { LMS_BRIDGE_TTL: "soon" })
        assert.strictEqual(help.code, 0)
        assert.include(help.stdout, "EXIT CODES")
        assert.notInclude(help.stdout, "\u001b")
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "reports a usage error once, on stderr, without colours",
    () =>
      Effect.gen(function* () {
        const { run } = yield* world
        for (const args of [["run"], ["models", "load"], ["models", "nope"], ["mcp", "call", "a"], ["--nope"]]) {
          const { code, stderr, stdout } = yield* run(args)
          assert.strictEqual(code, 2, args.join(" "))
          assert.strictEqual(stdout, "")
          assert.strictEqual(stderr.trimEnd().split("\n").length, 1, stderr)
          assert.isTrue(isReadable(stderr), stderr)
          assert.notInclude(stderr, "\u001b")
        }
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "says so when its output cannot be written",
    () =>
      Effect.gen(function* () {
        const { env } = yield* world
        if (!existsSync("/dev/full")) return
        const line = ["-c", 'exec "$0" "$@" >/dev/full', process.execPath, bundle, "mcp", "ls", "--json"]
        const { code, stderr } = yield* Effect.async<{ readonly code: unknown; readonly stderr: string }>((resume) => {
          execFile("sh", line, { env }, (error, _, stderr) => resume(Effect.succeed({ code: error?.code, stderr })))
        })
        assert.strictEqual(code, 1)
        assert.match(stderr, /^lms-bridge: The output could not be written: ENOSPC/)
        assert.isTrue(isReadable(stderr), stderr)
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "loads a model with an idle limit, lists it, and unloads it",
    () =>
      Effect.gen(function* () {
        const { run, simulator } = yield* world
        const loaded = yield* run(["models", "load", key, "--ttl", "5m", "--json"])
        assert.strictEqual(loaded.code, 0, loaded.stderr)
        assert.deepInclude(JSON.parse(loaded.stdout), { model: key, action: "loaded", ttlMillis: 300_000 })
        const again = yield* run(["models", "ensure", key, "--json"])
        assert.deepInclude(JSON.parse(again.stdout), { model: key, action: "already-loaded" })
        const { instances } = yield* simulator.control.snapshot
        assert.strictEqual(instances.length, 1)

        const listed = JSON.parse((yield* run(["models", "ps", "--json"])).stdout)
        assert.deepInclude(listed[0], { instanceId: key, owner: "lms-bridge" })
        assert.include((yield* run(["models", "ps"])).stdout, "5 min")
        assert.include((yield* run(["models", "ls"])).stdout, key)

        const unloaded = yield* run(["models", "unload", key])
        assert.strictEqual(unloaded.code, 0, unloaded.stderr)
        assert.strictEqual((yield* run(["models", "ps", "--json"])).stdout, "[]\n")
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "leaves a model that the user loaded, unless it is forced",
    () =>
      Effect.gen(function* () {
        const { run, simulator } = yield* world
        yield* simulator.control.loadAsUser(key)
        const refused = yield* run(["models", "unload", "--all"])
        assert.strictEqual(refused.code, 1, refused.stderr)
        assert.match(refused.stderr, /was not loaded by lms-bridge.*--force/)
        assert.strictEqual((yield* run(["models", "unload", "--all", "--force"])).code, 0)
        assert.deepStrictEqual((yield* simulator.control.snapshot).instances, [])
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "ends with 4 for a model that is not there, and 3 when nothing listens",
    () =>
      Effect.gen(function* () {
        const { run } = yield* world
        const missing = yield* run(["models", "load", "qwen3-4b-2506"])
        assert.strictEqual(missing.code, 4, missing.stderr)
        assert.isTrue(isReadable(missing.stderr), missing.stderr)
        const nobody = {
          LMSTUDIO_BASE_URL: yield* closedAddress,
          LMS_BRIDGE_RETRIES: "0",
          LMS_BRIDGE_LMS_BINARY: "none"
        }
        for (const args of [
          ["models", "ls"],
          ["models", "ps"],
          ["models", "ensure"],
          ["server", "status"]
        ]) {
          const { code, stderr } = yield* run(args, nobody)
          assert.strictEqual(code, 3, `${args.join(" ")}: ${stderr}`)
          assert.isTrue(isReadable(stderr), stderr)
        }
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "stops and starts the server with `lms`",
    () =>
      Effect.gen(function* () {
        const { run, simulator } = yield* world
        assert.include((yield* run(["server", "status"])).stdout, simulator.baseUrl)
        const stopped = yield* run(["server", "stop"])
        assert.strictEqual(stopped.code, 0, stopped.stderr)
        assert.strictEqual((yield* run(["server", "status"], { LMS_BRIDGE_RETRIES: "0" })).code, 3)
        const started = yield* run(["server", "start", "--port", String(simulator.port)], { LMS_BRIDGE_RETRIES: "0" })
        assert.strictEqual(started.code, 0, started.stderr)
        assert.include(started.stdout, simulator.baseUrl)
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "lists MCP servers and their tools, and calls one",
    () =>
      Effect.gen(function* () {
        const { home, mcpJson, notes, run } = yield* world
        const listed = yield* run(["mcp", "ls", "--json"])
        const state = Object.fromEntries(
          JSON.parse(listed.stdout).map((server: { name: string; state: string }) => [server.name, server.state])
        )
        assert.deepInclude(state, { filesystem: "usable", off: "disabled" })
        assert.include((yield* run(["mcp", "ls"])).stderr, mcpJson)

        const tools = yield* run(["mcp", "tools", "everything", "--json"])
        assert.isTrue(
          JSON.parse(tools.stdout).some(({ name }: { name: string }) => name === "echo"),
          tools.stderr
        )
        const all = yield* run(["mcp", "tools"])
        assert.strictEqual(all.code, 0, all.stderr)
        assert.match(all.stdout, /^filesystem +read_text_file /m)
        assert.include(all.stderr, '"broken" is not available')

        const echo = yield* run(["mcp", "call", "everything", "echo", '{"message":"hello"}'])
        assert.deepInclude(echo, { code: 0, stdout: "Echo: hello\n" })
        const read = yield* run(["mcp", "call", "filesystem", "read_text_file", `{"path":"${notes}/bees.md"}`])
        assert.strictEqual(read.stdout.trim(), "Bees like clover.")
        const outside = yield* run(["mcp", "call", "filesystem", "read_text_file", '{"path":"/etc/hostname"}'])
        assert.strictEqual(outside.code, 1)
        assert.match(outside.stderr, /reports an error/)
        assert.deepStrictEqual(processesAtHome(home), [])
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "doctor says what works and what does not, and ends with the first problem's code",
    () =>
      Effect.gen(function* () {
        const { env, home, run, simulator } = yield* world
        const ill = yield* run(["doctor"])
        assert.strictEqual(ill.code, 6, ill.stderr)
        assert.include(ill.stdout, simulator.baseUrl)
        assert.include(ill.stdout, simulator.lmsBinary)
        assert.match(ill.stdout, /^ok +servers +filesystem starts, \d+ tools$/m)
        assert.match(ill.stdout, /^error +servers .*"broken"/m)

        const well = `${home}/well.json`
        yield* Effect.promise(() =>
          import("node:fs/promises").then(({ writeFile }) => writeFile(well, '{ "mcpServers": {} }'))
        )
        const healthy = yield* run(["doctor", "--json"], { ...env, MCP_JSON_PATH: well })
        assert.strictEqual(healthy.code, 0, healthy.stdout)
        assert.isFalse(JSON.parse(healthy.stdout).some(({ level }: { level: string }) => level === "problem"))

        const alone = yield* run(["doctor"], { LMSTUDIO_BASE_URL: yield* closedAddress, LMS_BRIDGE_RETRIES: "0" })
        assert.strictEqual(alone.code, 3, alone.stdout)
        assert.match(alone.stdout, /^error +LM Studio .*Start its server/m)
        assert.deepStrictEqual(processesAtHome(home), [])
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "serve over HTTP ends with 0 on SIGTERM, the normal end of a server",
    () =>
      Effect.gen(function* () {
        const { start } = yield* world
        const program = yield* start(["serve", "--http"])
        yield* Effect.repeat(Effect.sync(program.stderr), {
          until: (text) => text.includes("Listening at "),
          schedule: Schedule.spaced("20 millis")
        })
        program.child.kill("SIGTERM")
        assert.strictEqual((yield* program.ended).code, 0)
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "simulate prints its address, answers there, and is gone with its files on SIGTERM",
    () =>
      Effect.gen(function* () {
        const { run, start } = yield* world
        const program = yield* start(["simulate", "--json"])
        yield* program.untilStdout((text) => text.includes("\n"))
        const where = JSON.parse(program.lines()[0] ?? "")
        assert.hasAllKeys(where, ["baseUrl", "port", "statusPort", "lmsDirectory", "lmsBinary", "home"])
        const env = { LMSTUDIO_BASE_URL: where.baseUrl, LMS_BRIDGE_LMS_BINARY: where.lmsBinary }
        assert.strictEqual((yield* run(["models", "ensure", key], env)).code, 0)
        assert.include((yield* run(["models", "ps"], env)).stdout, key)
        program.child.kill("SIGTERM")
        assert.strictEqual((yield* program.ended).code, 143)
        assert.isFalse(existsSync(where.home))
        assert.strictEqual((yield* run(["server", "status"], { ...env, LMS_BRIDGE_RETRIES: "0" })).code, 3)
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "simulate plays a script, and says what is wrong with an invalid one",
    () =>
      Effect.gen(function* () {
        const { home, run, start } = yield* world
        const write = (name: string, text: string) =>
          Effect.promise(() => import("node:fs/promises").then(({ writeFile }) => writeFile(`${home}/${name}`, text)))
        yield* write("good.json", '[{"text":"As the script has it."}]')
        const program = yield* start(["simulate", "--json", "--script", "good.json"])
        yield* program.untilStdout((text) => text.includes("\n"))
        const where = JSON.parse(program.lines()[0] ?? "")
        const env = { LMSTUDIO_BASE_URL: where.baseUrl, LMS_BRIDGE_LMS_BINARY: where.lmsBinary }
        assert.strictEqual((yield* run(["run", "x"], env)).stdout, "As the script has it.\n")

        yield* write("bad.json", '[{"tekst":"?"}]')
        for (const file of ["bad.json", "missing.json"]) {
          const { code, stderr } = yield* run(["simulate", "--script", file])
          assert.strictEqual(code, 2, stderr)
          assert.include(stderr, file)
          assert.isTrue(isReadable(stderr), stderr)
        }
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "a token that the server does not take was refused, whatever words the server has for it",
    () =>
      Effect.gen(function* () {
        const { run } = yield* world
        const asks = yield* Effect.acquireRelease(
          Effect.async<ReturnType<typeof createServer>>((resume) => {
            const server = createServer((_, response) => {
              response.writeHead(401, { "content-type": "application/json" })
              response.end(JSON.stringify({ error: { message: "An LM Studio API token is required" } }))
            }).listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
          }),
          (server) => Effect.sync(() => server.close())
        )
        const env = { LMSTUDIO_BASE_URL: `http://127.0.0.1:${(asks.address() as AddressInfo).port}` }
        const without = yield* run(["models", "ls"], env)
        assert.include(without.stderr, "requires an API token")
        const refused = yield* run(["models", "ls"], { ...env, LM_API_TOKEN: "t0ken" })
        assert.include(refused.stderr, "refused the API token")
        assert.notInclude(refused.stderr, "t0ken")
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "serve writes nothing but MCP to stdout, and ends with its input",
    () =>
      Effect.gen(function* () {
        const { home, start } = yield* world
        const program = yield* start(["serve"])
        const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "test", version: "1" } }
        program.child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params })}\n`)
        yield* program.untilStdout((text) => text.includes("\n"))
        assert.strictEqual(JSON.parse(program.lines()[0] ?? "").result.serverInfo.name, "lms-bridge")
        program.child.stdin.end()
        const { code, stderr, stdout } = yield* program.ended
        assert.strictEqual(code, 0, stderr)
        for (const line of stdout.trimEnd().split("\n")) assert.strictEqual(JSON.parse(line).jsonrpc, "2.0")
        assert.deepStrictEqual(processesAtHome(home), [])
      }).pipe(Effect.provide(platform)),
    patience
  )
})
