/**
 * What the services need of Node: files, processes, and HTTP over connections that stay open.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { CurrentOperatingSystem } from "@lms-bridge/core/configuration/OperatingSystem"
import * as Layer from "effect/Layer"
import * as NodeWatch from "./NodeWatch.ts"

/** A run asks the same server again and again. */
export const httpClient = NodeHttpClient.layerWithoutAgent.pipe(
  Layer.provide(NodeHttpClient.makeAgentLayer({ keepAlive: true }))
)

const system = Layer.succeed(
  CurrentOperatingSystem,
  process.platform === "win32" || process.platform === "darwin" ? process.platform : "linux"
)

export const layer = Layer.mergeAll(NodeContext.layer.pipe(Layer.provide(NodeWatch.layer)), httpClient, system)
