#!/usr/bin/env node
// @effect-diagnostics strictEffectProvide:off
/**
 * Composition root of `lms-bridge-mcp`: every layer is chosen here and nowhere else.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Bridge from "@lms-bridge/core/Bridge"
import { Settings } from "@lms-bridge/core/configuration/Settings"
import * as Logging from "@lms-bridge/core/observability/Logging"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { serveStdio } from "./serveStdio.ts"

const httpClient = NodeHttpClient.layerWithoutAgent.pipe(
  // a run asks the same server again and again
  Layer.provide(NodeHttpClient.makeAgentLayer({ keepAlive: true }))
)

const MainLayer = Bridge.layerNoDeps.pipe(
  Layer.provideMerge(Logging.layer({ isTerminal: process.stderr.isTTY })),
  Layer.provideMerge(Settings.layer),
  Layer.provide(Layer.merge(NodeContext.layer, httpClient))
)

serveStdio.pipe(
  Effect.tapDefect((cause) => Effect.logFatal("the server stopped", cause)),
  Effect.provide(MainLayer),
  Effect.tapError((error) => Console.error(error.message)),
  NodeRuntime.runMain({
    disablePrettyLogger: true,
    disableErrorReporting: true,
    // sockets kept alive must not keep a server whose client has gone
    teardown: (exit) => process.exit(exitCode(exit))
  })
)

/** 2: a setting cannot be used. Being interrupted by a signal is how a server normally ends. */
const exitCode = (exit: Exit.Exit<unknown, unknown>): number =>
  Exit.match(exit, {
    onSuccess: () => 0,
    onFailure: (cause) =>
      Cause.isInterruptedOnly(cause)
        ? 0
        : Option.match(Cause.failureOption(cause), {
            onSome: (error) => (Predicate.isTagged(error, "SettingsInvalid") ? 2 : 1),
            onNone: () => 1
          })
  })
