/** Fetches an image from the web. Every address on the way must be public, and at most `maxBytes` are read. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { joinedBytes } from "../internal/joinedBytes.ts"
import { maxBytes } from "./ImageData.ts"
import { ImageRefused } from "./ImageRefused.ts"
import { mayFetch } from "./PublicWeb.ts"

export const get = (
  web: Option.Option<HttpClient.HttpClient>,
  source: string
): Effect.Effect<Uint8Array, ImageRefused> =>
  Effect.gen(function* () {
    const client = yield* Effect.mapError(web, () => new ImageRefused({ source, reason: "NoWeb" }))
    let next = source
    for (let hop = 0; hop <= maxRedirects; hop++) {
      if (!URL.canParse(next) || !mayFetch(new URL(next))) return yield* new ImageRefused({ source, reason: "Address" })
      const found = yield* one(client, source, next)
      if (found._tag === "Bytes") return found.bytes
      next = found.to
    }
    return yield* new ImageRefused({ source, reason: "Redirects" })
  }).pipe(
    Effect.timeoutFail({
      duration: limit,
      onTimeout: () =>
        new ImageRefused({ source, reason: "Unreachable", detail: `no answer within ${Duration.format(limit)}` })
    })
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const limit = Duration.seconds(30)
const maxRedirects = 5

type Found = { readonly _tag: "Bytes"; readonly bytes: Uint8Array } | { readonly _tag: "Redirect"; readonly to: string }

const one = (client: HttpClient.HttpClient, source: string, url: string): Effect.Effect<Found, ImageRefused> =>
  Effect.gen(function* () {
    const response = yield* client.execute(HttpClientRequest.get(url))
    const { headers, status } = response
    const location = headers["location"]
    if (status >= 300 && status < 400 && location !== undefined) {
      return { _tag: "Redirect" as const, to: URL.canParse(location, url) ? new URL(location, url).href : location }
    }
    if (status !== 200) return yield* new ImageRefused({ source, reason: "Http", status })
    if (Number(headers["content-length"] ?? 0) > maxBytes)
      return yield* new ImageRefused({ source, reason: "TooLarge" })
    const chunks: Array<Uint8Array> = []
    let size = 0
    yield* Stream.runForEach(response.stream, (chunk) => {
      size += chunk.length
      chunks.push(chunk)
      return size > maxBytes ? new ImageRefused({ source, reason: "TooLarge" }) : Effect.void
    })
    return { _tag: "Bytes" as const, bytes: joinedBytes(chunks, size) }
  }).pipe(
    Effect.scoped,
    Effect.catchTags({
      RequestError: (error) =>
        isRefusedAddress(error)
          ? new ImageRefused({ source, reason: "Address" })
          : new ImageRefused({ source, reason: "Unreachable", detail: error.reason }),
      ResponseError: ({ reason }) => new ImageRefused({ source, reason: "Unreachable", detail: reason })
    })
  )

/** The code with which the `PublicWeb` client refuses to connect. */
const isRefusedAddress = ({ cause }: { readonly cause?: unknown }) =>
  cause instanceof Error && "code" in cause && cause.code === "ENOTPUBLIC"
