/**
 * HTTP over undici with its time limits off: those of `LmStudioApi` count, and a model may process a prompt for longer
 * than undici allows. Never uses a proxy.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { later } from "./LaterClient.ts"

export const layer = Layer.scoped(
  HttpClient.HttpClient,
  later(
    Effect.flatMap(
      Effect.promise(() => import("./UndiciClient.ts")),
      ({ make }) => make
    )
  )
)
