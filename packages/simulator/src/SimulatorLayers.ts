/**
 * The simulator inside a test: an `HttpClient` and a `CommandExecutor` over one simulated machine, without sockets and
 * processes.
 */
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import { CommandExecutor as CommandExecutorTag } from "@effect/platform/CommandExecutor"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as InProcessCommands from "./inprocess/InProcessCommands.ts"
import * as InProcessHttp from "./inprocess/InProcessHttp.ts"
import * as SimulatorControl from "./SimulatorControl.ts"
import type { WorldOptions } from "./World.ts"
import * as World from "./World.ts"

export interface LayerOptions extends WorldOptions {
  /** Host names that reach the simulator in addition to 127.0.0.1, localhost and [::1]. */
  readonly hosts?: ReadonlyArray<string>
  /** Port of `/lms-status`; 41343 by default. */
  readonly statusPort?: number
  /** Names by which `lms` may be started, in addition to any path that ends in `lms`. */
  readonly binaries?: ReadonlyArray<string>
}

/** LM Studio at `http://127.0.0.1:1234`, driven by the clock of the layer's user. */
export const layer = (
  options: LayerOptions = {}
): Layer.Layer<HttpClient.HttpClient | CommandExecutor.CommandExecutor | SimulatorControl.SimulatorControl> =>
  Layer.scopedContext(
    Effect.map(World.make({ port: 1234, ...options }), (world) =>
      Context.empty().pipe(
        Context.add(
          HttpClient.HttpClient,
          InProcessHttp.make(world, {
            hosts: ["127.0.0.1", "localhost", "[::1]", ...(options.hosts ?? [])],
            statusPort: options.statusPort ?? 41343
          })
        ),
        Context.add(CommandExecutorTag, InProcessCommands.make(world, options.binaries)),
        Context.add(SimulatorControl.SimulatorControl, SimulatorControl.of(world))
      )
    )
  )
