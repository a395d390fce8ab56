/** The built `lms-bridge` as a person meets it: its own home, a simulated LM Studio, real MCP servers as its children. */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Simulator from "@lms-bridge/simulator/Simulator"
import { FileSystem, Path } from "@effect/platform"
import { Effect, Schedule } from "effect"
import { execFile, spawn } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { createServer } from "node:net"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export const platform = NodeContext.layer

/** Milliseconds for one test: real processes on a busy machine take their time. */
export const patience = 120_000

const root = fileURLToPath(new URL("../../../../", import.meta.url))
/** The built program of this package. */
export const bundle = join(root, "packages", "cli", "dist", "lms-bridge.js")

/** Builds if something has changed since the last build. */
const ready = new Promise<void>((resolve, reject) => {
  execFile(process.execPath, [join(root, "scripts", "setup.mjs")], { cwd: root }, (error, _, stderr) =>
    error === null ? resolve() : reject(new Error(`the build failed:\n${stderr}`))
  )
})

/** The program of one of the real MCP servers from npm. */
export const serverProgram = (name: string) =>
  join(
    dirname(createRequire(import.meta.url).resolve(`@modelcontextprotocol/server-${name}/package.json`)),
    "dist",
    "index.js"
  )

export interface Result {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A home with two notes, an mcp.json with real and with broken servers, and a machine with a simulated LM Studio. */
export const world = Effect.gen(function* () {
  yield* Effect.promise(() => ready)
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const simulator = yield* Simulator.start()
  const home = yield* Effect.flatMap(fs.makeTempDirectoryScoped({ prefix: "lms-bridge-cli-" }), fs.realPath)
  const notes = path.join(home, "notes")
  yield* fs.makeDirectory(notes)
  yield* fs.writeFileString(path.join(notes, "bees.md"), "Bees like clover.\n")
  const mcpJson = path.join(home, "mcp.json")
  const node = (name: string, ...args: ReadonlyArray<string>) => ({
    command: process.execPath,
    args: [serverProgram(name), ...args]
  })
  yield* fs.writeFileString(
    mcpJson,
    JSON.stringify({
      mcpServers: {
        filesystem: node("filesystem", notes),
        memory: { ...node("memory"), env: { MEMORY_FILE_PATH: path.join(home, "memory.json") } },
        everything: node("everything", "stdio"),
        broken: { command: path.join(home, "no-such-program") },
        off: { command: "true", disabled: true }
      }
    })
  )
  const env: Readonly<Record<string, string>> = {
    PATH: process.env["PATH"] ?? "",
    HOME: home,
    MCP_JSON_PATH: mcpJson,
    LMS_BRIDGE_DATA_DIR: path.join(home, "data"),
    LMS_BRIDGE_PROBE: "off",
    LMS_BRIDGE_RETRY_BASE: "10ms",
    LMSTUDIO_BASE_URL: simulator.baseUrl,
    LMS_BRIDGE_LMS_BINARY: simulator.lmsBinary
  }

  /** `lms-bridge ARGS` under way. Killed when the scope closes. */
  const start = Effect.fnUntraced(function* (args: ReadonlyArray<string>, more: Readonly<Record<string, string>> = {}) {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, [bundle, ...args], {
          cwd: home,
          env: { ...env, ...more },
          stdio: ["pipe", "pipe", "pipe"]
        })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    let stdout = ""
    let stderr = ""
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk))
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk))
    const closed = new Promise<Result>((resolve) => {
      child.once("close", (code) => resolve({ code, stdout, stderr }))
    })
    /** Waits until it has printed what is wanted; fails at once if it ends without. */
    const untilStdout = (holds: (text: string) => boolean) =>
      Effect.raceFirst(
        Effect.repeat(
          Effect.sync(() => holds(stdout)),
          { until: (yes) => yes, schedule: Schedule.spaced("20 millis") }
        ),
        Effect.flatMap(
          Effect.promise(() => closed),
          ({ code }) => (holds(stdout) ? Effect.void : Effect.dieMessage(`it ended with ${code}: ${stderr}`))
        )
      )
    return {
      child,
      untilStdout,
      stdout: () => stdout,
      stderr: () => stderr,
      lines: () => stdout.split("\n").filter((line) => line !== ""),
      ended: Effect.promise(() => closed)
    }
  })

  /** `lms-bridge ARGS` to its end, without input. */
  const run = Effect.fnUntraced(function* (args: ReadonlyArray<string>, more: Readonly<Record<string, string>> = {}) {
    const { child, ended } = yield* start(args, more)
    child.stdin.end()
    return yield* ended
  }, Effect.scoped)

  return { simulator, home, notes, mcpJson, env, start, run }
})

/** Processes whose home is this folder: the program and whatever it has started. Linux tells. */
export const processesAtHome = (home: string): ReadonlyArray<{ readonly pid: number; readonly command: string }> =>
  !existsSync("/proc/self/environ")
    ? []
    : readdirSync("/proc")
        .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
        .flatMap((entry) => {
          try {
            const environment = readFileSync(`/proc/${entry}/environ`, "utf8").split("\0")
            if (!environment.includes(`HOME=${home}`)) return []
            return [
              { pid: Number(entry), command: readFileSync(`/proc/${entry}/cmdline`, "utf8").replaceAll("\0", " ") }
            ]
          } catch {
            return [] // it has ended meanwhile, or belongs to somebody else
          }
        })

/** An address at which nothing listens. */
export const closedAddress = Effect.async<string>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(`http://127.0.0.1:${port}`)))
  })
})

/** One readable line, two at most, and no stack trace. */
export const isReadable = (stderr: string): boolean => {
  const lines = stderr.trimEnd().split("\n")
  return lines.length <= 2 && lines.every((line) => line.startsWith("lms-bridge: ")) && !/\bat .+:\d+:\d+/.test(stderr)
}
