/**
 * What the services need of Node: files, processes, and HTTP over connections that stay open.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Layer from "effect/Layer"

/** A run asks the same server again and again. */
export const httpClient = NodeHttpClient.layerWithoutAgent.pipe(
  Layer.provide(NodeHttpClient.makeAgentLayer({ keepAlive: true }))
)

export const layer = Layer.merge(NodeContext.layer, httpClient)
