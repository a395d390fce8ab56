/**
 * Separates the thinking and protocol that a model leaves in its text (contract H14): thinking blocks in any notation,
 * a closing mark whose opening mark came from the template, harmony's channels, tokens that end a turn and the invented
 * turn after them. Works on text that arrives in pieces. A mark that is only mentioned, in a sentence or in code,
 * stays.
 */
import { isMentioned, isWordBefore, lookAhead, reach } from "./MentionedMarks.ts"
import * as ThoughtMarks from "./ThoughtMarks.ts"

/** The position in the text. `held` has arrived but cannot be classified yet. */
export interface ThinkState {
  readonly phase: "start" | "opened" | "thinking" | "nested" | "text" | "call" | "ended" | "over"
  readonly held: string
  /** What closes the current thought. */
  readonly block: ThoughtMarks.Block | undefined
  /** How many blocks of this kind are open. */
  readonly depth: number
  /** The text has contained a thought. */
  readonly thought: boolean
  /** The text has contained something to say. */
  readonly said: boolean
  /** A mark has just been removed, so that white space here belongs to it. */
  readonly trimmed: boolean
  /** An opening mark was kept as text, so that its closing mark is text too. */
  readonly mentioned: boolean
  /** The end of the current line. */
  readonly line: string
  /** The mark of the open code fence, or "". */
  readonly fence: string
  readonly inline: boolean
}

/**
 * `text` belongs to the reply; `shown` is the part of it that a person sees. `withdrawn`: all text before this piece
 * was thinking.
 */
export interface Split {
  readonly state: ThinkState
  readonly reasoning: string
  readonly text: string
  readonly shown: string
  readonly withdrawn: boolean
}

export const initial: ThinkState = {
  phase: "start",
  held: "",
  block: undefined,
  depth: 0,
  thought: false,
  said: false,
  trimmed: false,
  mentioned: false,
  line: "",
  fence: "",
  inline: false
}

/** The next piece of the text. */
export const push = (state: ThinkState, piece: string): Split =>
  piece === "" ? still(state) : split(state, piece, false)

/** The end of the text: held text is taken as it looks. */
export const end = (state: ThinkState): Split => split(state, "", true)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const still = (state: ThinkState): Split => ({ state, reasoning: "", text: "", shown: "", withdrawn: false })

/** The result of one piece, accumulated. */
interface Work {
  state: ThinkState
  rest: string
  reasoning: string
  text: string
  shown: string
  withdrawn: boolean
}

const split = (before: ThinkState, piece: string, atEnd: boolean): Split => {
  const work: Work = { ...still({ ...before, held: "" }), rest: before.held + piece }
  let seen = before.held.length
  // each step consumes something, or returns false because it must wait
  while (steps[work.state.phase](work, atEnd, seen)) {
    seen = 0
    if (work.rest === "" && !atEnd) break
  }
  const { reasoning, rest, shown, state, text, withdrawn } = work
  return { state: { ...state, held: atEnd ? "" : rest }, reasoning, text, shown, withdrawn }
}

type Step = (work: Work, atEnd: boolean, seen: number) => boolean

const start: Step = (work, atEnd) => {
  const content = work.rest.trimStart()
  if (content === "") {
    if (!atEnd && work.rest.length < maxSpace) return false
    if (!work.state.trimmed) say(work, work.rest, true)
    else work.rest = ""
    return false
  }
  const mark = ThoughtMarks.at(content, 0)
  if (mark === "partial" && !atEnd) return false
  const isMark = mark !== "partial" && mark !== undefined
  if (isMark && mark.length + lookAhead > content.length && !atEnd && mark.kind !== "open") return false
  if (isMark && !(mark.kind !== "open" && isMentioned("", content.slice(mark.length)))) {
    switch (mark.kind) {
      case "open":
      case "call":
      case "skip":
      case "end":
      case "turn":
        work.rest = content
        return take(work, mark)
      case "close":
        work.rest = content.slice(mark.length)
        work.state = { ...work.state, thought: true, trimmed: true }
        return true
    }
  }
  if (work.state.trimmed) work.rest = content
  // two messages in one reply
  if (work.state.said && work.state.trimmed) {
    work.text += "\n\n"
    work.shown += "\n\n"
  }
  work.state = { ...work.state, phase: "text" }
  return true
}

/** White space after an opening mark belongs to it. */
const opened: Step = (work) => {
  work.rest = work.rest.trimStart()
  if (work.rest !== "") work.state = { ...work.state, phase: "thinking" }
  return work.rest !== ""
}

const thinking: Step = (work, atEnd) => {
  const { block } = work.state
  const found = block === undefined ? undefined : ThoughtMarks.closing(work.rest, block, 0)
  const isAtEnd = found !== undefined && found.end === work.rest.length && work.rest.charAt(found.start - 1) === "`"
  if (isAtEnd && !atEnd) return false
  if (block !== undefined && found !== undefined) {
    const before = work.rest.slice(0, found.start)
    work.reasoning += before.trimEnd()
    const depth = work.state.depth + found.opened - 1
    work.rest = work.rest.slice(found.end)
    work.state = {
      ...work.state,
      depth: Math.max(0, depth),
      phase: depth > 0 ? "nested" : "start",
      thought: true,
      trimmed: true,
      line: ""
    }
    return true
  }
  if (block !== undefined && found === undefined) {
    const held = atEnd ? 0 : ThoughtMarks.heldBack(work.rest, [...block.close, ...block.nests])
    const kept = work.rest.slice(0, work.rest.length - held)
    const trimmed = kept.trimEnd()
    const give = kept.length - trimmed.length > maxSpace ? kept : trimmed
    const counted = ThoughtMarks.openings(give, block)
    work.reasoning += give
    work.rest = atEnd ? "" : work.rest.slice(give.length)
    work.state = { ...work.state, depth: work.state.depth + counted, thought: true }
  }
  return false
}

/** An inner block has closed: what follows is a thought if another closing mark comes, and text if none does. */
const nested: Step = (work, atEnd, seen) => {
  const { block, depth } = work.state
  const found =
    block === undefined ? undefined : ThoughtMarks.closing(work.rest, block, Math.max(0, seen - longestMark))
  if (found !== undefined) {
    work.reasoning += work.rest.slice(0, found.start).trimEnd()
    work.rest = work.rest.slice(found.end)
    work.state = { ...work.state, depth: depth - 1, phase: depth > 1 ? "nested" : "start", trimmed: true }
    return true
  }
  if (atEnd || work.rest.length > maxNested) {
    work.state = { ...work.state, phase: "start", depth: 0 }
    return true
  }
  return false
}

const inText: Step = (work, atEnd) => {
  for (;;) {
    const place = work.rest.search(ThoughtMarks.places)
    if (place === -1) {
      say(work, work.rest, true)
      return false
    }
    if (place > 0) say(work, work.rest.slice(0, place), true)
    const char = work.rest.charAt(0)
    if (char === "`" || char === "~") {
      const run = /^(?:`+|~+)/.exec(work.rest)?.[0] ?? char
      if (run.length === work.rest.length && run.length < longestMark && !atEnd) return false
      code(work, run)
      continue
    }
    const inCode = work.state.fence !== "" || work.state.inline
    const mark = inCode ? undefined : ThoughtMarks.at(work.rest, 0)
    if (mark === "partial" && !atEnd) return false
    if (mark === undefined || mark === "partial") {
      say(work, char, true)
      continue
    }
    const after = work.rest.slice(mark.length)
    const isShort =
      after.length < lookAhead || (mark.kind === "close" && after.trim() === "" && after.length < maxSpace)
    if (isShort && !atEnd) return false
    const isTag = mark.onlyAtEnd === true && work.state.line.includes("<s>")
    if (isTag || (mark.onlyAtEnd === true && after.trim() !== "" && !/^\s{0,20}(?:<s>|\[INST\])/.test(after))) {
      say(work, work.rest.slice(0, mark.length), true)
      continue
    }
    const isLast = mark.kind === "close" && after.trim() === ""
    if (isMentioned(work.state.line, after) || (isLast && isWordBefore(work.state.line))) {
      if (mark.kind === "open") work.state = { ...work.state, mentioned: true }
      say(work, work.rest.slice(0, mark.length), true)
      continue
    }
    if (mark.kind === "close") {
      if (work.state.mentioned) {
        say(work, work.rest.slice(0, mark.length), true)
        continue
      }
      work.rest = after
      // after a complete thought, a mark at the very end closes nothing
      if (work.state.thought && after.trim() === "") {
        work.rest = ""
        return false
      }
      work.reasoning += work.text
      work.text = ""
      work.shown = ""
      work.withdrawn = true
      work.state = { ...work.state, phase: "start", thought: true, said: false, trimmed: true, line: "", inline: false }
      return true
    }
    // an ordinary tag starts a thought only at the beginning of a text
    if (mark.kind === "open" && mark.block.special !== true) {
      work.state = { ...work.state, mentioned: true }
      say(work, work.rest.slice(0, mark.length), true)
      continue
    }
    return take(work, mark)
  }
}

/** A call in harmony's notation: kept for the code that parses calls, not shown. */
const call: Step = (work, atEnd) => {
  const found = /<\|(?:call|end|return)\|>|<\|start\|>/.exec(work.rest)
  if (found === null) {
    const held = atEnd ? 0 : ThoughtMarks.heldBack(work.rest, ["<|call|>", "<|end|>", "<|return|>", "<|start|>"])
    say(work, work.rest.slice(0, work.rest.length - held), false)
    return false
  }
  const isEnd = found[0] !== "<|start|>"
  say(work, work.rest.slice(0, found.index + (isEnd ? found[0].length : 0)), false)
  work.state = { ...work.state, phase: "ended", line: "" }
  return true
}

/** After the end of a harmony message the next message may come; anything else is invented. */
const ended: Step = (work, atEnd) => {
  const content = work.rest.trimStart()
  if (content === "" && !atEnd) return false
  const mark = ThoughtMarks.at(content, 0)
  if (mark === "partial" && !atEnd) return false
  work.rest = content
  const goesOn =
    mark !== "partial" && mark !== undefined && mark.kind !== "turn" && /^<\|(?:start|channel)\|>/.test(content)
  work.state = { ...work.state, phase: goesOn ? "start" : "over", trimmed: true }
  return content !== ""
}

const over: Step = (work) => {
  work.rest = ""
  return false
}

const steps: Readonly<Record<ThinkState["phase"], Step>> = {
  start,
  opened,
  thinking,
  nested,
  text: inText,
  call,
  ended,
  over
}

const take = (work: Work, mark: ThoughtMarks.Mark): boolean => {
  const whole = work.rest.slice(0, mark.length)
  if (mark.kind === "call") say(work, whole, false)
  else work.rest = work.rest.slice(mark.length)
  switch (mark.kind) {
    case "open":
      work.state = { ...work.state, phase: "opened", block: mark.block, depth: 1, trimmed: true, line: "" }
      return true
    case "call":
      work.state = { ...work.state, phase: "call" }
      return true
    case "skip":
    case "close":
      work.state = { ...work.state, phase: "start", trimmed: true, line: "" }
      return true
    case "end":
      work.state = { ...work.state, phase: "ended" }
      return true
    case "turn":
      work.state = { ...work.state, phase: "over" }
      return true
  }
}

/** Moves the beginning of the rest to the text. */
const say = (work: Work, text: string, isShown: boolean): void => {
  work.text += text
  if (isShown) work.shown += text
  work.rest = work.rest.slice(text.length)
  if (!work.state.said && text.trim() !== "") work.state = { ...work.state, said: true }
  const newline = text.lastIndexOf("\n")
  work.state =
    newline === -1
      ? { ...work.state, line: (work.state.line + text).slice(-reach) }
      : { ...work.state, line: text.slice(newline + 1).slice(-reach), inline: false }
}

const code = (work: Work, run: string): void => {
  const { fence, inline, line } = work.state
  const begins = line.trim() === "" && run.length >= 3
  const next = begins
    ? { fence: fence === "" ? run : run.startsWith(fence) ? "" : fence }
    : fence === "" && run.startsWith("`") && run.length < 3
      ? { inline: !inline }
      : {}
  work.state = { ...work.state, ...next }
  say(work, run, true)
}

const maxSpace = 1000
const maxNested = 200_000
const longestMark = 300
