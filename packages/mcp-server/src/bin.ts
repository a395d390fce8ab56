#!/usr/bin/env node
// @effect-diagnostics strictEffectProvide:off
/**
 * Composition root of `lms-bridge-mcp`. What is needed to answer `initialize` is here; the rest, the far greater part, is
 * loaded while the client reads that answer.
 */
import { Settings } from "@lms-bridge/core/Settings"
import { Logging } from "@lms-bridge/core/Observability"
import * as NodeMain from "@lms-bridge/node/NodeMain"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { answerTo } from "./protocol/answerTo.ts"
import { hungUp } from "./hungUp.ts"
import * as Server from "./protocol/Server.ts"

const MainLayer = Logging.layer({ isTerminal: process.stderr.isTTY }).pipe(Layer.provideMerge(Settings.layer))

const load = Effect.flatMap(
  Effect.promise(() => import("./load.ts")),
  ({ load }) => load
)

const serving = Effect.flatMap(Settings, ({ detachAfter }) =>
  Server.serve({ load, detachAfter, transport: Server.stdioTransport() })
).pipe(
  Effect.raceFirst(hungUp),
  Effect.scoped,
  Effect.as(0),
  Effect.tapDefect((cause) => Effect.logFatal("the server stopped", cause)),
  Effect.provide(MainLayer),
  Effect.tapError((error) => Console.error(error.message))
)

const main = Effect.suspend(() => {
  const answer = answerTo(process.argv.slice(2))
  if (answer === undefined) return serving
  return Effect.as((answer.channel === "stdout" ? Console.log : Console.error)(answer.text), answer.exitCode)
})

/** 2: a setting or an argument cannot be used. Being interrupted by a signal is how a server normally ends. */
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
