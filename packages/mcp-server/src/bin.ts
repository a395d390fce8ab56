#!/usr/bin/env node
// @effect-diagnostics strictEffectProvide:off
/**
 * Composition root of `lms-bridge-mcp`. Only what is needed to answer `initialize` is here; the rest, most of the code,
 * is loaded while the client reads that answer.
 */
import { Settings } from "@lms-bridge/core/Settings"
import { Exporting, Logging } from "@lms-bridge/core/Observability"
import * as NodeLogFiles from "@lms-bridge/node/NodeLogFiles"
import * as NodeMain from "@lms-bridge/node/NodeMain"
import * as NodeSettingsFiles from "@lms-bridge/node/NodeSettingsFiles"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as About from "./About.ts"
import { hungUp } from "./hungUp.ts"
import * as Server from "./protocol/Server.ts"

const MainLayer = Logging.layer({
  isTerminal: process.stderr.isTTY,
  fileSystem: NodeLogFiles.fileSystem,
  write: NodeLogFiles.write
}).pipe(Layer.provideMerge(Settings.layer), Layer.provideMerge(NodeSettingsFiles.layer))

/** Loaded only where a collector is configured. */
const telemetry = Layer.unwrapEffect(
  Effect.flatMap(Exporting.isWanted, (wanted) =>
    wanted
      ? Effect.map(
          Effect.promise(() => import("@lms-bridge/telemetry/Telemetry")),
          ({ layer }) => layer(About.version)
        )
      : Effect.succeed(Layer.empty)
  )
)

const load = Effect.flatMap(
  Effect.promise(() => import("./load.ts")),
  ({ load }) => load
)

const serving = Effect.flatMap(Settings, ({ detachAfter, toolsets }) =>
  Server.serve({ load, detachAfter, toolsets, transport: Server.stdioTransport() })
).pipe(
  Effect.raceFirst(hungUp),
  Effect.scoped,
  Effect.as(0),
  Effect.tapDefect((cause) => Effect.logFatal("the server stopped", cause)),
  Effect.provide(Layer.provideMerge(telemetry, MainLayer)),
  Effect.tapError((error) => Console.error(error.message))
)

/** The answer to arguments, when the program is started by hand. Settings are environment variables. */
const said = (args: ReadonlyArray<string>) => {
  const [first] = args
  if (first === undefined) return undefined
  if (args.includes("--help") || args.includes("-h")) return Effect.as(Console.log(help), 0)
  if (first === "--version" || first === "-v") return Effect.as(Console.log(About.version), 0)
  return Effect.as(
    Console.error(`lms-bridge-mcp: unknown argument "${first}"; it accepts only --help and --version.`),
    2
  )
}

const help = [
  "lms-bridge-mcp: an MCP server on stdin and stdout that lets local models in LM Studio work with your MCP servers.",
  "An MCP client starts it, without arguments; the README has the client's entry and the settings (LMS_BRIDGE_…)."
].join("\n")

const main = Effect.suspend((): typeof serving => said(process.argv.slice(2)) ?? serving)

/** 2: a setting or an argument is invalid. A signal is the normal end of a server. */
const exitCode = (exit: Exit.Exit<unknown, unknown>): number =>
  Exit.match(exit, {
    onSuccess: (code) => (typeof code === "number" ? code : 0),
    onFailure: (cause) =>
      Cause.isInterruptedOnly(cause)
        ? 0
        : Option.match(Cause.failureOption(cause), {
            onSome: (error) => (Predicate.isTagged(error, "SettingsInvalid") ? 2 : 1),
            onNone: () => 1
          })
  })

NodeMain.run(main, exitCode)
