/** A double of `LmsCli`: every subcommand plays the outcomes of the test's script. */
import { LmsCli, LmsCliError, LmsInstance } from "@lms-bridge/core/LmsCli"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Scripted from "./Scripted.ts"

type Shape = Context.Tag.Service<LmsCli>

/** For each operation its outcomes in order; wrap the last in `Scripted.always` if it answers all further calls. */
export type Script = {
  readonly [K in keyof Shape]?: Scripted.Outcomes<
    Shape[K] extends (...args: infer Args) => infer Result ? Result | ((...args: Args) => Result) : Shape[K]
  >
}

/** The recorded calls of the double. */
export class LmsCliCalls extends Context.Tag("@lms-bridge/testing/LmsCliCalls")<
  LmsCliCalls,
  Effect.Effect<ReadonlyArray<Scripted.Call>>
>() {}

/** An operation without outcomes dies when it is called. */
export const layerTest = (script: Script): Layer.Layer<LmsCli | LmsCliCalls> =>
  Layer.effectContext(
    Effect.map(Scripted.make("LmsCli"), (scripted) => {
      const cli: Shape = {
        application: scripted.value("application", script.application),
        binary: scripted.value("binary", script.binary),
        ps: scripted.value("ps", script.ps),
        ls: scripted.value("ls", script.ls),
        variants: scripted.value("variants", script.variants),
        load: scripted.call("load", script.load),
        estimate: scripted.call("estimate", script.estimate),
        unload: scripted.call("unload", script.unload),
        unloadAll: scripted.value("unloadAll", script.unloadAll),
        get: scripted.stream("get", script.get),
        serverStatus: scripted.value("serverStatus", script.serverStatus),
        serverStart: scripted.call("serverStart", script.serverStart),
        serverStop: scripted.value("serverStop", script.serverStop),
        daemonStatus: scripted.value("daemonStatus", script.daemonStatus),
        version: scripted.value("version", script.version),
        logStream: scripted.stream("logStream", script.logStream)
      }
      return Context.make(LmsCli, cli).pipe(Context.add(LmsCliCalls, scripted.calls))
    })
  )

/** A machine without `lms`: every call fails with `NotInstalled`. */
export const layerNotInstalled: Layer.Layer<LmsCli> = Layer.sync(LmsCli, () => {
  const missing = (subcommand: string) => new LmsCliError({ reason: "NotInstalled", subcommand })
  const fail = (subcommand: string) => Effect.fail(missing(subcommand))
  return {
    application: Effect.succeedNone,
    binary: fail("version"),
    ps: fail("ps"),
    ls: fail("ls"),
    variants: fail("ls"),
    load: () => fail("load"),
    estimate: () => fail("load"),
    unload: () => fail("unload"),
    unloadAll: fail("unload"),
    get: () => Stream.fail(missing("get")),
    serverStatus: fail("server status"),
    serverStart: () => fail("server start"),
    serverStop: fail("server stop"),
    daemonStatus: fail("daemon status"),
    version: fail("version"),
    logStream: () => Stream.fail(missing("log stream"))
  }
})

/** A language model in memory, idle, that will be unloaded after 600 s. */
export const lmsInstance = (modelKey: string, changes: Partial<typeof LmsInstance.Type> = {}): LmsInstance => {
  const { isBusy: _, ...fields } = changes
  return new LmsInstance({
    modelKey,
    identifier: modelKey,
    type: "llm",
    contextLength: 8192,
    status: "idle",
    queued: 0,
    ttlMs: 600_000,
    ...fields
  })
}
