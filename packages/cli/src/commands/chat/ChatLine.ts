/**
 * What a person types in a chat: words for the model, or a command that begins with a slash.
 */
import { nearest } from "@lms-bridge/core/McpRegistry"

export type ChatLine =
  | { readonly _tag: "Say"; readonly text: string }
  | { readonly _tag: "Do"; readonly command: CommandName; readonly argument: string }
  | { readonly _tag: "Unknown"; readonly word: string; readonly nearest: ReadonlyArray<string> }
  | { readonly _tag: "Nothing" }

/** Each command with its argument and what it does, in the order of the help. */
export const commands = [
  ["model", "[NAME]", "show the model, or answer with another one from now on"],
  ["tools", "[LIST|all]", "list the tools, or offer only these from now on"],
  ["mcp", "NAME[,NAME]", "add MCP servers"],
  ["files", "DIR", "let the model work on the files of a folder"],
  ["approve", "[LIST]", "show what runs without asking you, or add to it"],
  ["context", "", "how full the context is"],
  ["resume", "", "go on with the reply that was stopped"],
  ["new", "", "forget the conversation, and keep model and tools"],
  ["save", "FILE", "write the conversation as Markdown"],
  ["help", "", "this list"],
  ["exit", "", "end the chat, as Ctrl-D does"]
] as const
export type CommandName = (typeof commands)[number][0]

/** `//` begins words with a slash, and so does a path, which has a second slash in its first word. */
export const read = (typed: string): ChatLine => {
  const line = typed.trim()
  if (line === "") return { _tag: "Nothing" }
  if (line.startsWith("//")) return { _tag: "Say", text: line.slice(1) }
  const [, word = "", argument = ""] = /^\/([^\s/]*)(?:\s+([\s\S]*))?$/.exec(line) ?? []
  if (word === "") return { _tag: "Say", text: line }
  const command = named(word.toLowerCase())
  return command === undefined
    ? { _tag: "Unknown", word, nearest: nearest(word, names) }
    : { _tag: "Do", command, argument: argument.trim() }
}

/** For the TAB key: the commands that begin like this. */
export const completions = (line: string): ReadonlyArray<string> =>
  line.startsWith("/") && !line.includes(" ")
    ? names.filter((name) => `/${name}`.startsWith(line)).map((name) => `/${name} `)
    : []

export const help: ReadonlyArray<string> = commands.map(
  ([name, argument, about]) => `  ${`/${name} ${argument}`.trimEnd().padEnd(20)} ${about}`
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const names: ReadonlyArray<CommandName> = commands.map(([name]) => name)

const others: Readonly<Record<string, CommandName>> = { quit: "exit", bye: "exit", "?": "help", clear: "new" }

/** Also by its first letters, where only one command begins with them. */
const named = (word: string): CommandName | undefined => {
  const exact = names.find((name) => name === word) ?? others[word]
  if (exact !== undefined) return exact
  const [first, ...more] = names.filter((name) => name.startsWith(word))
  return more.length === 0 ? first : undefined
}
