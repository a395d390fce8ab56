/** One process of lms-bridge after the other, next to a remote server that requires a login. */
import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { it } from "@effect/vitest"
import { McpRegistry } from "#src/mcp/McpRegistry.ts"
import * as ProtectedServer from "@lms-bridge/testing/ProtectedServer"
import { Duration, Effect, Option, type Scope } from "effect"
import { registryWith, textOf } from "../realServers.ts"
import { comesBack } from "./person.ts"

type Entry = Record<string, unknown>

/** One process of lms-bridge over a data folder, with `remote` in its mcp.json. */
export const process =
  (dataDir: string, entry: Entry) =>
  <A, E>(use: Effect.Effect<A, E, McpRegistry>) =>
    Effect.provide(use, registryWith({ remote: entry }, { dataDir: Option.some(dataDir) }))

export const login = (openCallback = comesBack, timeout = Duration.seconds(20)) =>
  Effect.flatMap(McpRegistry, (registry) => registry.login("remote", { openCallback, timeout }))

export const whoami = Effect.flatMap(McpRegistry, (registry) =>
  Effect.map(registry.call("remote", "whoami", {}), textOf)
)

export const stateOfLogin = Effect.flatMap(McpRegistry, (registry) =>
  Effect.map(registry.servers, ([summary]) => summary?.login)
)

export const fixture = Effect.fnUntraced(function* (behaviour: Partial<ProtectedServer.Behaviour> = {}) {
  const fs = yield* FileSystem.FileSystem
  const dataDir = yield* fs.makeTempDirectoryScoped()
  const server = yield* ProtectedServer.make(behaviour)
  return { server, dataDir, fs, run: process(dataDir, { url: server.url }) }
})

export const live = <E>(name: string, test: () => Effect.Effect<void, E, FileSystem.FileSystem | Scope.Scope>) =>
  it.scopedLive(name, () => Effect.provide(test(), NodeContext.layer))
