/**
 * Thinking that a model leaves in its text between `<think>` and `</think>` (contract H14), told apart while the text
 * arrives in pieces. Only a block at the very beginning is thinking: later tags are what the model talks about.
 *
 * @since 0.1.0
 */

/**
 * Where in the text we are. `held` has arrived and cannot be told yet: a tag that may be whole with the next piece, or
 * white space that belongs to a tag.
 *
 * @since 0.1.0
 * @category models
 */
export interface ThinkState {
  readonly phase: "start" | "opened" | "thinking" | "gap" | "text"
  readonly held: string
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Split {
  readonly state: ThinkState
  readonly reasoning: string
  readonly text: string
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const initial: ThinkState = { phase: "start", held: "" }

/**
 * The next piece of the text.
 *
 * @since 0.1.0
 * @category transitions
 */
export const push = (state: ThinkState, piece: string): Split => {
  const input = state.held + piece
  switch (state.phase) {
    case "start": {
      const content = input.trimStart()
      if (content.startsWith(opening)) {
        return push({ phase: "opened", held: "" }, content.slice(opening.length))
      }
      return opening.startsWith(content)
        ? { state: { phase: "start", held: input }, reasoning: "", text: "" }
        : { state: inText, reasoning: "", text: input }
    }
    case "opened": {
      const thinking = input.trimStart()
      return thinking === ""
        ? { state: { phase: "opened", held: "" }, reasoning: "", text: "" }
        : push({ phase: "thinking", held: "" }, thinking)
    }
    case "thinking": {
      const end = input.indexOf(closing)
      if (end !== -1) {
        const after = push({ phase: "gap", held: "" }, input.slice(end + closing.length))
        return { ...after, reasoning: input.slice(0, end).trimEnd() }
      }
      const held = /\s*(?:<(?:\/(?:t(?:h(?:i(?:n(?:k)?)?)?)?)?)?)?$/.exec(input)?.[0] ?? ""
      return {
        state: { phase: "thinking", held },
        reasoning: input.slice(0, input.length - held.length),
        text: ""
      }
    }
    case "gap": {
      const text = input.trimStart()
      return { state: text === "" ? { phase: "gap", held: "" } : inText, reasoning: "", text }
    }
    case "text":
      return { state: inText, reasoning: "", text: input }
  }
}

/**
 * The end of the text: what was held back is what it looks like.
 *
 * @since 0.1.0
 * @category transitions
 */
export const end = (state: ThinkState): Split => ({
  state: inText,
  reasoning: state.phase === "thinking" ? state.held.trimEnd() : "",
  text: state.phase === "start" ? state.held : ""
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const opening = "<think>"

const closing = "</think>"

const inText: ThinkState = { phase: "text", held: "" }
