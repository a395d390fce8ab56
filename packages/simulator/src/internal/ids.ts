/** Identifiers in the alphabets that LM Studio uses, drawn from Effect's `Random` so that a test can fix them. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

const drawn = (alphabet: string) => (length: number) =>
  Effect.map(Effect.replicateEffect(Random.nextIntBetween(0, alphabet.length), length), (indices) =>
    indices.map((index) => alphabet.charAt(index)).join("")
  )

export const hex = drawn("0123456789abcdef")
export const base36 = drawn("0123456789abcdefghijklmnopqrstuvwxyz")
export const digits = drawn("123456789")
