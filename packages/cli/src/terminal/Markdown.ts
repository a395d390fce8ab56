/**
 * Markdown for a terminal, piece by piece as a model writes it: headings and bold are strong, code is marked, lists have
 * bullets, tables are aligned. Only what is needed to tell what a line is waits for more. Pure.
 *
 * Not by a parser of Markdown, because those take a whole text, and an answer is shown while it is written.
 */
export type Style = "plain" | "strong" | "code" | "quiet"

export interface Segment {
  readonly text: string
  readonly style: Style
}

export interface State {
  /** `start`: what kind of line this is, is not known yet. `fence`: inside a block of code. */
  readonly mode: "start" | "inline" | "fence" | "fenced-line"
  /** What waits. */
  readonly held: string
  readonly heading: boolean
  readonly strong: boolean
  readonly code: boolean
  readonly table: ReadonlyArray<string>
}

export const initial: State = { mode: "start", held: "", heading: false, strong: false, code: false, table: [] }

/** The state after a piece of text, and what can be shown now. */
export const step = (state: State, piece: string): readonly [State, ReadonlyArray<Segment>] => {
  let now = state
  const shown: Array<Segment> = []
  for (const character of piece) {
    const [next, segments] = one(now, character)
    now = next
    shown.push(...segments)
  }
  return [now, joined(shown)]
}

/** What still waits at the end of the text. */
export const rest = (state: State): ReadonlyArray<Segment> => {
  const [after, segments] = state.held === "" || state.mode === "inline" ? [state, inlineEnd(state)] : one(state, "\n")
  const last = segments.at(-1)
  // the text did not end its last line
  const shown =
    state.mode !== "inline" && state.held !== "" && last !== undefined
      ? [...segments.slice(0, -1), { ...last, text: last.text.replace(/\n$/, "") }]
      : segments
  return joined([...shown, ...tableOf(after.table, false)])
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Step = readonly [State, ReadonlyArray<Segment>]

const one = (state: State, character: string): Step => {
  switch (state.mode) {
    case "start":
      return atStart(state, character)
    case "inline":
      return inline(state, character)
    case "fence":
      return inFence(state, character)
    case "fenced-line":
      return character === "\n"
        ? [{ ...state, mode: "fence", held: "" }, [plain("\n")]]
        : [state, [{ text: character, style: "code" }]]
  }
}

/** It may still become a heading, an item, a fence, a table, or a rule. */
const undecided =
  /^\s*(?:#{0,6}|[-+]|\d{1,9}[.)]?|`{0,3}|~{0,3}|(?:\*\s?){0,2}|_{1,2}|[-*_]{2,}\s*|(?:```|~~~).*|\|.*)$/

const atStart = (state: State, character: string): Step => {
  const line = state.held + character
  const isTable = /^\s*\|/.test(line)
  if (character === "\n") {
    const text = state.held
    if (/^\s*(?:```|~~~)/.test(text)) return [{ ...initial, mode: "fence" }, tableOf(state.table, true)]
    if (/^\s*\|.*\|\s*$/.test(text)) return [{ ...initial, table: [...state.table, text] }, []]
    if (/^\s*(?:[-*_]\s*){3,}$/.test(text)) {
      return [initial, [...tableOf(state.table, true), { text: "─".repeat(20), style: "quiet" }, plain("\n")]]
    }
    const [after, segments] = fed({ ...initial, mode: "inline" }, `${text}\n`)
    return [after, [...tableOf(state.table, true), ...segments]]
  }
  const before = isTable ? [] : tableOf(state.table, true)
  const next: State = isTable || before.length === 0 ? state : { ...state, table: [] }
  if (/^ {0,3}#{1,6} $/.test(line)) return [{ ...initial, mode: "inline", heading: true }, before]
  const item = /^(\s*)[-+*] $/.exec(line)
  if (item !== null) return [{ ...initial, mode: "inline" }, [...before, plain(`${item[1]}• `)]]
  if (undecided.test(line)) return [{ ...next, held: line }, before]
  const [after, segments] = fed({ ...initial, mode: "inline" }, line)
  return [after, [...before, ...segments]]
}

const fed = (state: State, text: string): Step => {
  let now = state
  const shown: Array<Segment> = []
  for (const character of text) {
    const [next, segments] = inline(now, character)
    now = next
    shown.push(...segments)
  }
  return [now, shown]
}

/** Stars and backticks wait for what follows them. */
const inline = (state: State, character: string): Step => {
  if ((character === "*" && !state.code) || character === "`") {
    if (state.held === "" || state.held.startsWith(character)) return [{ ...state, held: state.held + character }, []]
    const [after, segments] = marked(state, character)
    return [{ ...after, held: character }, segments]
  }
  const [after, segments] = marked(state, character)
  return character === "\n"
    ? [initial, [...segments, plain("\n")]]
    : [after, [...segments, { text: character, style: styleOf(after) }]]
}

/** What the held marks mean before `next`. */
const marked = (state: State, next: string): Step => {
  const { held } = state
  const done = { ...state, held: "" }
  if (held === "`") return [{ ...done, code: !state.code }, []]
  if (held === "**" || held === "***") {
    if (state.strong || !/\s/.test(next)) return [{ ...done, strong: !state.strong }, []]
  }
  return [done, held === "" ? [] : [{ text: held, style: styleOf(state) }]]
}

const inlineEnd = (state: State): ReadonlyArray<Segment> => (state.mode === "inline" ? marked(state, "\n")[1] : [])

const inFence = (state: State, character: string): Step => {
  const line = state.held + character
  if (character === "\n") {
    return /^\s*(?:```|~~~)\s*$/.test(state.held)
      ? [initial, []]
      : [{ ...state, held: "" }, [{ text: `  ${state.held}`, style: "code" }, plain("\n")]]
  }
  return /^\s*(?:`{0,3}|~{0,3})\s*$/.test(line)
    ? [{ ...state, held: line }, []]
    : [{ ...state, mode: "fenced-line", held: "" }, [{ text: `  ${line}`, style: "code" }]]
}

/** Columns as wide as their widest cell, the first row strong. */
const tableOf = (lines: ReadonlyArray<string>, ends: boolean): ReadonlyArray<Segment> => {
  const rows = lines
    .filter((line) => !/^[\s|:-]+$/.test(line))
    .map((line) =>
      line
        .trim()
        .replaceAll(/^\||\|$/g, "")
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim().replaceAll(/\*\*|`/g, ""))
    )
  const widths = rows.reduce<ReadonlyArray<number>>(
    (before, row) => row.map((cell, at) => Math.max(before[at] ?? 0, Array.from(cell).length)),
    []
  )
  return rows.flatMap((row, at): ReadonlyArray<Segment> => [
    {
      text: row
        .map((cell, column) => cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - Array.from(cell).length)))
        .join("  ")
        .trimEnd(),
      style: at === 0 && rows.length > 1 ? "strong" : "plain"
    },
    ...(ends || at < rows.length - 1 ? [plain("\n")] : [])
  ])
}

const styleOf = ({ code, heading, strong }: State): Style => (code ? "code" : strong || heading ? "strong" : "plain")

const plain = (text: string): Segment => ({ text, style: "plain" })

const joined = (segments: ReadonlyArray<Segment>): ReadonlyArray<Segment> => {
  const all: Array<Segment> = []
  for (const segment of segments) {
    const last = all.at(-1)
    if (last?.style === segment.style) all[all.length - 1] = { ...last, text: last.text + segment.text }
    else if (segment.text !== "") all.push(segment)
  }
  return all
}
