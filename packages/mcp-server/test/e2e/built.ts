/** The built executable as a client meets it: its own home, a simulated LM Studio, real MCP servers as its children. */
import * as NodeContext from "@effect/platform-node/NodeContext"
import { FileSystem, Path } from "@effect/platform"
import * as Simulator from "@lms-bridge/simulator/Simulator"
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js"
import { Deferred, Effect, Schedule } from "effect"
import { spawn } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export const executable = fileURLToPath(new URL("../../dist/lms-bridge-mcp.js", import.meta.url))

const packageFile = (name: string, file: string) =>
  join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), file)

export const platform = NodeContext.layer

/** A simulated LM Studio, a home folder with `notes/`, an mcp.json, and the environment that points to all of it. */
export const world = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  if (!existsSync(executable))
    return yield* Effect.dieMessage(`${executable} is not built: run \`npm run setup\` first`)
  const simulator = yield* Simulator.start()
  const home = yield* fs.makeTempDirectoryScoped({ prefix: "lms-bridge-mcp-" })
  const notes = path.join(home, "notes")
  yield* fs.makeDirectory(notes)
  yield* fs.writeFileString(path.join(notes, "bees.md"), "Bees like clover.\n")
  const mcpJson = path.join(home, "mcp.json")
  yield* fs.writeFileString(
    mcpJson,
    JSON.stringify({
      mcpServers: {
        files: {
          command: process.execPath,
          args: [packageFile("@modelcontextprotocol/server-filesystem", "dist/index.js"), notes]
        },
        memory: {
          command: process.execPath,
          args: [packageFile("@modelcontextprotocol/server-memory", "dist/index.js")],
          env: { MEMORY_FILE_PATH: path.join(home, "memory.json") }
        },
        everything: {
          command: process.execPath,
          args: [packageFile("@modelcontextprotocol/server-everything", "dist/index.js"), "stdio"]
        },
        broken: { command: path.join(home, "no-such-program") },
        off: { command: "true", disabled: true }
      }
    })
  )
  // in place of npm's: the server that the preset asks for, without the network
  const programs = path.join(home, "programs")
  yield* fs.makeDirectory(programs)
  const server = packageFile("@modelcontextprotocol/server-filesystem", "dist/index.js")
  yield* fs.writeFileString(
    path.join(programs, "npx"),
    `#!/bin/sh\ncase "$4" in @modelcontextprotocol/server-filesystem@*) shift 4; exec "${process.execPath}" "${server}" "$@";; esac\nexit 1\n`,
    { mode: 0o755 }
  )
  const env: Record<string, string> = {
    PATH: `${programs}:${process.env["PATH"] ?? ""}`,
    HOME: home,
    LMSTUDIO_BASE_URL: simulator.baseUrl,
    LMS_BRIDGE_LMS_BINARY: simulator.lmsBinary,
    LMS_BRIDGE_DATA_DIR: path.join(home, "data"),
    LMS_BRIDGE_PROBE: "off",
    LMS_BRIDGE_RETRY_BASE: "10ms",
    MCP_JSON_PATH: mcpJson
  }
  return { simulator, home, notes, mcpJson, env }
})

/** The SDK's own client on the executable. */
export const sdkClient = Effect.fnUntraced(function* (env: Record<string, string>, args: ReadonlyArray<string> = []) {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [executable, ...args],
    env,
    stderr: "pipe"
  })
  const stderr: Array<string> = []
  transport.stderr?.on("data", (chunk: Buffer) => stderr.push(chunk.toString()))
  const client = new Client({ name: "test", version: "1" })
  yield* Effect.acquireRelease(
    Effect.promise(() => client.connect(transport)),
    () => Effect.promise(() => client.close())
  )
  yield* Effect.promise(() => client.listTools())
  return { client, pid: transport.pid ?? 0, stderr: () => stderr.join("") }
})

/** The executable without any SDK: lines in, lines out, and how it ended. */
export const raw = Effect.fnUntraced(function* (env: Record<string, string>, args: ReadonlyArray<string> = []) {
  const ended = yield* Deferred.make<{ readonly code: number | null; readonly signal: string | null }>()
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, [executable, ...args], { env, stdio: "pipe" })),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )
  let stdout = ""
  let stderr = ""
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()))
  child.on("close", (code, signal) => Deferred.unsafeDone(ended, Effect.succeed({ code, signal })))
  const lines = () => stdout.split("\n").filter((line) => line !== "")
  const send = (message: Record<string, unknown>) =>
    Effect.sync(() => child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`))
  const initialize = send({
    id: 0,
    method: "initialize",
    params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "raw", version: "1" } }
  }).pipe(
    Effect.zipRight(eventually(() => lines().length > 0)),
    Effect.zipRight(send({ method: "notifications/initialized" }))
  )
  return {
    child,
    pid: child.pid ?? 0,
    ended: Deferred.await(ended),
    lines,
    stderr: () => stderr,
    send,
    initialize
  }
})

/** Polls a fact about other processes until it holds; fails with the test's own time limit. */
export const eventually = (holds: () => boolean) =>
  Effect.repeat(Effect.sync(holds), { until: (yes) => yes, schedule: Schedule.spaced("20 millis") })

/** All processes beneath one, as Linux tells it. */
export const descendants = (pid: number): ReadonlyArray<number> => {
  const file = `/proc/${pid}/task/${pid}/children`
  if (!existsSync(file)) return []
  const children = readFileSync(file, "utf8").trim().split(" ").filter(Boolean).map(Number)
  return children.flatMap((child) => [child, ...descendants(child)])
}

export const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    // a zombie answers the signal and runs no more
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch {
    return false
  }
}
