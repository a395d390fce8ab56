/** How long a reply may become: what the engine is told, so that a model which does not stop by itself is stopped. */
import type { ContextAccount } from "../rules/AgentEvent.ts"

/**
 * Tokens for one reply: what the task allows, else what is set aside for it and what is free besides, up to a quarter of
 * a large context. Where nobody knows the context, what a long answer takes.
 */
export const replyLimit = (account: ContextAccount | undefined, maxTokens: number | undefined): number => {
  if (maxTokens !== undefined) return maxTokens
  if (account === undefined) return whereUnknown
  const { contextLength, free, reserve } = account
  const most = Math.min(reserve + Math.max(0, free), Math.max(longAnswer, Math.floor(contextLength / 4)))
  // in steps, so that a request that is sent again is the same
  return Math.max(1, reserve, Math.floor(most / step) * step)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const whereUnknown = 8192
const longAnswer = 16_384
const step = 256
