/**
 * What the services need of Node: files, processes, and HTTP over connections that stay open.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import { CurrentOperatingSystem } from "@lms-bridge/core/configuration/OperatingSystem"
import * as Layer from "effect/Layer"
import * as NodeHttp from "./NodeHttp.ts"
import * as NodePublicWeb from "./NodePublicWeb.ts"
import * as NodeWatch from "./NodeWatch.ts"

const system = Layer.succeed(
  CurrentOperatingSystem,
  process.platform === "win32" || process.platform === "darwin" ? process.platform : "linux"
)

/** Nobody looks at spans here: there is no tracer. */
const untraced = Layer.setTracerEnabled(false)

export const layer = Layer.mergeAll(
  NodeContext.layer.pipe(Layer.provide(NodeWatch.layer)),
  NodeHttp.layer,
  NodePublicWeb.layer,
  system,
  untraced
)
