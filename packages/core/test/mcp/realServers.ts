/** Registries over real child processes, and checks of the processes that are left. */
import { NodeContext } from "@effect/platform-node"
import { FileSystem } from "@effect/platform"
import { Settings, type Values } from "#src/configuration/Settings.ts"
import type { McpConnection } from "#src/mcp/McpConnection.ts"
import { McpRegistry } from "#src/mcp/McpRegistry.ts"
import type { ToolResult } from "#src/mcp/ToolResult.ts"
import { Effect, Layer, Option, Schedule } from "effect"
import { execFileSync } from "node:child_process"
import { randomUUID } from "node:crypto"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const require = createRequire(import.meta.url)

/** The entry of an official server, run by Node itself rather than through npx. */
export const official = (name: string, ...args: ReadonlyArray<string>) => ({
  command: process.execPath,
  args: [join(dirname(require.resolve(`@modelcontextprotocol/${name}/package.json`)), "dist", "index.js"), ...args]
})

/** The entry of the server that misbehaves as its flags say. */
export const misbehaving = (...flags: ReadonlyArray<string>) => ({
  command: process.execPath,
  args: [fileURLToPath(new URL("../fixtures/misbehaving-server.mjs", import.meta.url)), ...flags]
})

/** A word on the command line by which the processes of one test are found. */
export const marker = () => `--marker=${randomUUID()}`

/** Command lines of running processes with this word. Zombies do not count. */
export const processesWith = (word: string): ReadonlyArray<string> =>
  execFileSync("ps", ["-A", "-ww", "-o", "stat=,pid=,args="], { encoding: "utf8", maxBuffer: 16 * 1024 * 1024 })
    .split("\n")
    .filter((line) => line.includes(word) && !line.trim().startsWith("Z"))

export const isAlive = (pid: number) =>
  execFileSync("ps", ["-A", "-o", "stat=,pid="], { encoding: "utf8" })
    .split("\n")
    .some((line) => !line.trim().startsWith("Z") && line.trim().endsWith(` ${pid}`))

/** Waits for something that another process does in its own time. */
export const eventually = (condition: () => boolean) =>
  Effect.sync(condition).pipe(
    Effect.repeat({ until: (done) => done, schedule: Schedule.spaced("10 millis") }),
    Effect.asVoid
  )

/** Waits until a server has printed a word this many times. */
export const printed = (connection: McpConnection, word: string, times = 1) =>
  connection.stderrTail.pipe(
    Effect.repeat({ until: (tail) => tail.split(word).length > times, schedule: Schedule.spaced("10 millis") }),
    Effect.asVoid
  )

export const registryWith = (servers: Record<string, unknown>, settings: Partial<Values> = {}) =>
  Layer.unwrapScoped(
    Effect.gen(function* () {
      const fileSystem = yield* FileSystem.FileSystem
      const path = join(yield* fileSystem.makeTempDirectoryScoped(), "mcp.json")
      yield* fileSystem.writeFileString(path, JSON.stringify({ mcpServers: servers }))
      return McpRegistry.layer.pipe(Layer.provide(Settings.layerWith({ mcpJsonPath: Option.some(path), ...settings })))
    })
  ).pipe(Layer.provide(NodeContext.layer))

export const textOf = (result: ToolResult) =>
  result.content.map((part) => (part.type === "text" ? part.text : `<${part.type}>`)).join("")
