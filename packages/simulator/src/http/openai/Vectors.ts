/**
 * Embeddings without a model: the hashed words of a text as a unit vector, so that similar texts are close together.
 */

/** The same number as nomic-embed-text. */
export const dimensions = 768

export const of = (text: string): ReadonlyArray<number> => {
  const vector = Array.from({ length: dimensions }, () => 0)
  for (const word of text.toLowerCase().match(/[\p{L}\d]+/gu) ?? []) {
    const hash = hashOf(word)
    const at = hash % dimensions
    vector[at] = (vector[at] ?? 0) + (hash & 1024 ? 1 : -1)
  }
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
  return length === 0 ? vector : vector.map((value) => value / length)
}

// FNV-1a, 32 bits.
const hashOf = (word: string): number => {
  let hash = 0x811c9dc5
  for (const character of word) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0
  return hash
}
