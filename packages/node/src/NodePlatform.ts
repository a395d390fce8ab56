/**
 * What the services need from Node: files, processes, HTTP with kept-alive connections, and fetch through the proxies
 * in the environment.
 */
import { totalmem } from "node:os"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { Exporting } from "@lms-bridge/core/Observability"
import { CurrentMemory, CurrentOperatingSystem, unsupported } from "@lms-bridge/core/Machine"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as NodeHttp from "./NodeHttp.ts"
import * as NodePublicWeb from "./NodePublicWeb.ts"
import * as NodeWatch from "./NodeWatch.ts"
import * as ProxiedFetch from "./ProxiedFetch.ts"

/** Warned once, on stderr at any log level: users should know before a server process stays behind. */
const system = Layer.effect(
  CurrentOperatingSystem,
  Effect.sync(() => {
    const found = process.platform === "win32" || process.platform === "darwin" ? process.platform : "linux"
    const warning = unsupported(found)
    if (warning !== undefined) process.stderr.write(`lms-bridge: ${warning}\n`)
    return found
  })
)

/** Without a collector nobody reads spans. */
const untraced = Layer.unwrapEffect(
  Effect.map(Exporting.isWanted, (wanted) => (wanted ? Layer.empty : Layer.setTracerEnabled(false)))
)

export const layer = Layer.mergeAll(
  NodeContext.layer.pipe(Layer.provide(NodeWatch.layer)),
  NodeHttp.layer,
  NodePublicWeb.layer,
  Layer.succeed(FetchHttpClient.Fetch, ProxiedFetch.fetch),
  system,
  Layer.sync(CurrentMemory, totalmem),
  untraced
)
