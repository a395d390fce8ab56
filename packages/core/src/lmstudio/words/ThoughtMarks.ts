/** The marks with which models begin and end thoughts, messages and turns, as data. A new model is a new row. */

/**
 * A thinking block. `special` is a token that nobody writes by hand, so it may also stand after text. `reads`: closing
 * marks that are also the beginning of what follows.
 */
export interface Block {
  readonly open: RegExp
  /** The start of the opening mark, for pieces that end in the middle of it. */
  readonly begins: string
  readonly close: ReadonlyArray<string>
  readonly reads?: ReadonlyArray<string>
  readonly nests: ReadonlyArray<string>
  readonly special?: true
}

/**
 * `open` and `close` enclose a thought. `skip` names the author of a message and is dropped, `call` is the header of a
 * call, `end` ends the message, `turn` begins somebody else's.
 */
export type Mark =
  | { readonly kind: "open"; readonly length: number; readonly block: Block; readonly onlyAtEnd?: undefined }
  | {
      readonly kind: "close" | "skip" | "call" | "end" | "turn"
      readonly length: number
      /** Also an ordinary word or tag, so it counts only where nothing follows. */
      readonly onlyAtEnd?: boolean
    }

export const blocks: ReadonlyArray<Block> = [
  ...["think", "thinking", "thought", "seed:think", "reasoning", "reflection"].map((tag): Block => ({
    open: new RegExp(`<${tag}>`, "y"),
    begins: `<${tag}>`,
    close: [`</${tag}>`],
    nests: [`<${tag}>`]
  })),
  { open: /\[THINK\]/y, begins: "[THINK]", close: ["[/THINK]"], nests: ["[THINK]"] },
  { open: /◁think▷/y, begins: "◁think▷", close: ["◁/think▷"], nests: ["◁think▷"], special: true },
  {
    open: /<\|begin_of_thought\|>/y,
    begins: "<|begin_of_thought|>",
    close: ["<|end_of_thought|>"],
    nests: [],
    special: true
  },
  {
    open: /<\|inner_prefix\|>/y,
    begins: "<|inner_prefix|>",
    close: ["<|inner_suffix|>"],
    nests: [],
    special: true
  },
  {
    open: /<\|channel>(?:thought|analysis|thinking)/y,
    begins: "<|channel>thought",
    close: ["<channel|>"],
    nests: [],
    special: true
  }
]

/** Where a mark or code may begin. */
export const places = /[<[◁`~]/

/** The mark at this place; "partial" when the text ends within one. */
export const at = (text: string, place: number): Mark | "partial" | undefined => {
  const first = text.charAt(place)
  if (first !== "<" && first !== "[" && first !== "◁") return undefined
  for (const block of blocks) {
    const length = lengthOf(block.open, text, place)
    if (length > 0) return { kind: "open", length, block }
    const close = block.close.find((close) => text.startsWith(close, place))
    if (close !== undefined) return { kind: "close", length: close.length }
  }
  const header = headerAt(text, place)
  if (header !== undefined) return header
  for (const { begins, kind, onlyAtEnd, pattern } of tokens) {
    const length = lengthOf(pattern, text, place)
    if (length > 0) return { kind, length, ...(onlyAtEnd === true ? { onlyAtEnd } : {}) }
    if (begins !== undefined && isBegun(text, place, begins)) return "partial"
  }
  return beginnings.some((mark) => isBegun(text, place, mark)) ? "partial" : undefined
}

/** Where the thought ends, searched from this position, and how many more of its kind were opened before. */
export const closing = (
  text: string,
  block: Block,
  from: number
): { readonly start: number; readonly end: number; readonly opened: number } | undefined => {
  let best: { readonly start: number; readonly end: number } | undefined
  for (const mark of block.close) {
    let place = text.indexOf(mark, from)
    // a thought may mention its own mark
    while (place !== -1 && isQuoted(text, place, mark)) place = text.indexOf(mark, place + mark.length)
    if (place !== -1 && (best === undefined || place < best.start)) {
      best = { start: place, end: block.reads?.includes(mark) === true ? place : place + mark.length }
    }
  }
  return best === undefined ? undefined : { ...best, opened: openings(text.slice(0, best.start), block) }
}

/** How many times this block is opened in the text. */
export const openings = (text: string, { nests }: Block): number => {
  let count = 0
  for (const mark of nests) {
    for (let place = text.indexOf(mark); place !== -1; place = text.indexOf(mark, place + mark.length)) {
      if (!isQuoted(text, place, mark)) count++
    }
  }
  return count
}

/** How many characters at the end may be the beginning of one of these marks, including a backtick before it. */
export const heldBack = (text: string, marks: ReadonlyArray<string>): number => {
  let most = 0
  for (const mark of marks) {
    for (let length = Math.min(mark.length, text.length); length > most; length--) {
      if (text.endsWith(mark.slice(0, length))) {
        most = length
        break
      }
    }
  }
  // a backtick before the mark means that it is mentioned
  return text.charAt(text.length - most - 1) === "`" ? most + 1 : most
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const lengthOf = (pattern: RegExp, text: string, place: number): number => {
  pattern.lastIndex = place
  return pattern.exec(text)?.[0].length ?? 0
}

const isQuoted = (text: string, place: number, mark: string) =>
  text.charAt(place - 1) === "`" && text.charAt(place + mark.length) === "`"

const isBegun = (text: string, place: number, mark: string) => {
  const rest = text.length - place
  return rest < mark.length && mark.startsWith(text.slice(place))
}

/** A harmony header, which names the author of a message: up to `<|message|>`. */
const headerAt = (text: string, place: number): Mark | "partial" | undefined => {
  const opening = ["<|start|>", "<|channel|>"].find((mark) => text.startsWith(mark, place))
  if (opening === undefined) return undefined
  const rest = text.slice(place + opening.length, place + opening.length + longestHeader)
  const end = rest.indexOf("<|message|>")
  const head = end === -1 ? rest : rest.slice(0, end)
  if (/[\n{]/.test(head)) return undefined
  if (end === -1) return rest.length < longestHeader ? "partial" : undefined
  const length = opening.length + end + "<|message|>".length
  if (/\bto=/.test(head) && !/\bto=assistant\b/.test(head)) {
    return opening === "<|start|>" && !/^\s*assistant/.test(head) ? { kind: "turn", length } : { kind: "call", length }
  }
  if (opening === "<|start|>" && !/^\s*assistant/.test(head)) return { kind: "turn", length }
  return /analysis/.test(head) ? { kind: "open", length, block: analysis } : { kind: "skip", length }
}

const longestHeader = 200

const analysis: Block = {
  open: /<\|channel\|>analysis<\|message\|>/y,
  begins: "<|channel|>",
  close: ["<|end|>", "<|start|>", "<|channel|>", "<|return|>"],
  reads: ["<|start|>", "<|channel|>"],
  nests: [],
  special: true
}

interface Token {
  readonly pattern: RegExp
  readonly kind: "skip" | "end" | "turn"
  readonly begins?: string
  readonly onlyAtEnd?: true
}

const tokens: ReadonlyArray<Token> = [
  ...[
    "<|im_end|>",
    "<end_of_turn>",
    "<turn|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|end_of_turn|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|eos|>",
    "<eos>",
    "<seed:eos>",
    "<|endofmessage|>",
    "<|message_end|>",
    "<|eom|>",
    "<|eot|>",
    "<|endofturn|>",
    "<|END_OF_TURN_TOKEN|>",
    "<｜end▁of▁sentence｜>",
    "[end_of_text]"
  ].map((mark): Token => ({ pattern: literal(mark), kind: "end", begins: mark })),
  { pattern: literal("</s>"), kind: "end", begins: "</s>", onlyAtEnd: true },
  ...["<|user|>", "<|observation|>", "<｜User｜>", "<|system|>"].map((mark): Token => ({
    pattern: literal(mark),
    kind: "turn",
    begins: mark
  })),
  ...[
    "<|assistant|>",
    "<｜Assistant｜>",
    "<bos>",
    "<seed:bos>",
    "<|begin_of_text|>",
    "<｜begin▁of▁sentence｜>",
    "<|message|>"
  ].map((mark): Token => ({ pattern: literal(mark), kind: "skip", begins: mark })),
  { pattern: /<\|channel>final/y, kind: "skip", begins: "<|channel>final" },
  { pattern: /<\|im_start\|>assistant/y, kind: "skip", begins: "<|im_start|>assistant" },
  { pattern: /<\|im_start\|>(?:user|system|tool)/y, kind: "turn", begins: "<|im_start|>system" },
  { pattern: /<start_of_turn>model/y, kind: "skip", begins: "<start_of_turn>model" },
  { pattern: /<start_of_turn>(?:user|tool|system)/y, kind: "turn", begins: "<start_of_turn>system" },
  { pattern: /<\|turn>model/y, kind: "skip", begins: "<|turn>model" },
  { pattern: /<\|turn>(?:user|tool|system)/y, kind: "turn", begins: "<|turn>system" },
  {
    pattern: /<\|start_header_id\|>assistant<\|end_header_id\|>/y,
    kind: "skip",
    begins: "<|start_header_id|>assistant<|end_header_id|>"
  },
  {
    pattern: /<\|start_header_id\|>(?:user|ipython|system|tool)<\|end_header_id\|>/y,
    kind: "turn",
    begins: "<|start_header_id|>ipython<|end_header_id|>"
  }
]

function literal(mark: string): RegExp {
  return new RegExp(mark.replaceAll(/[[\]|/<>]/g, String.raw`\$&`), "y")
}

const beginnings: ReadonlyArray<string> = [
  ...blocks.flatMap(({ begins, close }) => [begins, ...close]),
  "<|start|>",
  "<|channel|>",
  "<|channel>analysis",
  "<|channel>thinking",
  "<|im_start|>user",
  "<|im_start|>tool",
  "<start_of_turn>user",
  "<start_of_turn>tool",
  "<|turn>user",
  "<|turn>tool",
  "<|start_header_id|>user<|end_header_id|>",
  "<|start_header_id|>system<|end_header_id|>",
  "<|start_header_id|>tool<|end_header_id|>"
]
