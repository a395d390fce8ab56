/** API tokens (contract A8): not required by default; otherwise a missing, malformed or powerless token is refused. */
import * as Effect from "effect/Effect"
import type { Request } from "../Recorder.ts"
import type { Settings } from "../Settings.ts"
import * as ErrorBody from "./ErrorBody.ts"
import type { ApiFault } from "./Reply.ts"

const tokenGrammar = /^sk-lm-[a-zA-Z0-9]{8}:[a-zA-Z0-9]{20}$/

export const check = (settings: Settings, request: Request): Effect.Effect<void, ApiFault> => {
  if (!settings.authRequired) return Effect.void
  const token = tokenOf(request)
  if (token === undefined) return ErrorBody.missingToken
  if (!tokenGrammar.test(token)) return ErrorBody.malformedToken(token)
  if (settings.powerlessTokens.includes(token)) return ErrorBody.powerlessToken
  // The message for a well-formed token that was never issued is not on record, so that for a malformed one is used.
  return settings.tokens.includes(token) ? Effect.void : ErrorBody.malformedToken(token)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const tokenOf = (request: Request): string | undefined => {
  const bearer = /^Bearer (.+)$/i.exec(request.headers["authorization"] ?? "")?.[1]
  return bearer ?? (request.path.startsWith("/v1/messages") ? request.headers["x-api-key"] : undefined)
}
