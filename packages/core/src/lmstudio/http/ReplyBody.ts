/** The body of a reply, piece by piece. */
import type { HttpClientError } from "@effect/platform/HttpClientError"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"

export const EachPiece: unique symbol = Symbol.for("@lms-bridge/core/lmstudio/http/EachPiece")

/** Hands over each piece as it comes and ends with the body. Interrupting it gives the body up. */
export type EachPiece = (onPiece: (piece: Uint8Array) => void) => Effect.Effect<void, HttpClientError>

/**
 * Reads a body to its end. A client whose replies have `EachPiece` saves what a stream costs: more than all else of a
 * short reply.
 */
export const eachPiece = (
  response: HttpClientResponse,
  onPiece: (piece: Uint8Array) => void
): Effect.Effect<void, HttpClientError> =>
  hasEachPiece(response)
    ? response[EachPiece](onPiece)
    : Stream.runForEach(response.stream, (piece) => Effect.sync(() => onPiece(piece)))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const hasEachPiece = (response: HttpClientResponse): response is HttpClientResponse & { [EachPiece]: EachPiece } =>
  Predicate.hasProperty(response, EachPiece)
