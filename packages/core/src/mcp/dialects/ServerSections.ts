/** Finds the servers in the configuration file of any program. Pure. The format is recognised by the content. */
import * as Either from "effect/Either"
import { present } from "../../schema/Fields.ts"
import type { Problem } from "../../json/JsoncText.ts"
import { type ConfigNode, type Member, member } from "./ConfigNode.ts"
import { type Dialect, looksLikeEntry, visible } from "./EntryWords.ts"
import * as ToolLists from "./ToolLists.ts"

/** One server in a file. */
export interface Found extends Member {
  readonly dialect: Dialect
  /** It takes precedence over an entry with the same name on purpose, as those of a folder over those of the user. */
  readonly closer?: boolean | undefined
  /** The key outside the entry, in the same file, that switches it off. */
  readonly off?: string | undefined
  /** Patterns of tool names that the same file switches off outside the entry; they include the server's name. */
  readonly excluded?: ReadonlyArray<string> | undefined
}

export interface Sections {
  /** Of two with one name the later counts. */
  readonly found: ReadonlyArray<Found>
  /** Remarks on content that is not used. */
  readonly notes: ReadonlyArray<string>
  /** The `inputs` of VS Code. */
  readonly inputs: ConfigNode | undefined
}

/**
 * `folder` is the working folder: Claude Code stores servers by folder. `mayHaveNone` is for files in which a program
 * also stores other settings.
 */
export const sectionsOf = (
  root: ConfigNode,
  options: { readonly folder: string | undefined; readonly mayHaveNone: boolean }
): Either.Either<Sections, Problem> => {
  const sections = [...outer(root), ...shared(root)]
  const wrong = sections.find(({ name, node }) => node.kind === "other" && !(options.mayHaveNone && name === "servers"))
  if (wrong !== undefined) {
    return Either.left({ line: wrong.node.line, detail: `"${wrong.name}" is not an object.` })
  }
  const projects = projectsOf(root, options.folder)
  const notes: Array<string> = []
  for (const [index, { name, node }] of sections.entries()) {
    const before = sections.slice(0, index).findLast((other) => other.name === name)
    if (before === undefined) continue
    notes.push(
      `"${name}" occurs twice, in lines ${before.node.line} and ${node.line}. The servers of both are used; merge them into one.`
    )
  }
  const found = [...sections.flatMap(entriesOf), ...(projects?.here ?? [])]
  if (found.length === 0 && projects !== undefined && projects.elsewhere.length > 0) {
    const shown = projects.elsewhere.slice(0, 3).map(({ folder, names }) => `${names.join(", ")} (${folder})`)
    const more = projects.elsewhere.length > 3 ? ` and ${projects.elsewhere.length - 3} more folders` : ""
    notes.push(
      `It has servers only for other folders, under "projects": ${shown.join("; ")}${more}. Start lms-bridge in that folder to use them.`
    )
  }
  if (sections.length === 0 && projects === undefined) {
    const bare = root.members.filter(({ name }) => !name.startsWith("$"))
    const objects = bare.filter(({ node }) => node.kind === "object")
    if (objects.length > 0 && objects.every(({ node }) => looksLikeEntry(node.value))) {
      return Either.right({
        found: objects.map((one) => ({ ...copy(one), dialect: undefined })),
        notes,
        inputs: undefined
      })
    }
    if (looksLikeEntry(root.value)) {
      const detail = 'It is one server without a name. Write { "mcpServers": { "NAME": … } } around it.'
      return Either.left({ line: root.line, detail })
    }
    if (bare.length > 0 && !options.mayHaveNone) {
      const names = bare.slice(0, 8).map(({ name }) => `"${name}"`)
      const more = bare.length > 8 ? ", …" : ""
      return Either.left({ line: root.line, detail: `It has no "mcpServers" (found: ${names.join(", ")}${more}).` })
    }
  }
  const inputs = member(root, "inputs") ?? member(member(root, "mcp"), "inputs")
  return Either.right({ found: switchedOff(root, found), notes, inputs })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Section {
  readonly name: string
  readonly node: ConfigNode
  readonly dialect: Dialect
}

const copy = ({ line, name, node }: Member) => ({ name, line, node })

/** `mcpServers`, and other programs' spellings: `mcp_servers`, `amp.mcpServers`. */
const isServers = (name: string) => /^(?:[\w-]+\.)*mcp[_-]?servers$/i.test(visible(name))

/** In ascending order of precedence. */
const shared = (root: ConfigNode): ReadonlyArray<Section> => {
  const sections = root.members.flatMap(({ name, node }): ReadonlyArray<Section> => {
    // elsewhere it may be a list of addresses
    if (name === "servers" && node.items.every((item) => looksLikeEntry(item.value))) {
      return [{ name, node, dialect: undefined }]
    }
    if (name === "context_servers") return [{ name, node, dialect: "Zed" }]
    if (name === "extensions" && isGoose(node)) return [{ name, node, dialect: "Goose" }]
    if (isServers(name)) return [{ name, node, dialect: name === "mcp_servers" ? "Codex" : geminiIn(node) }]
    return []
  })
  const rank = ({ name }: Section) => (isServers(name) ? 1 : 0)
  return sections.toSorted((one, other) => rank(one) - rank(other))
}

/** Sections one level deeper. */
const outer = (root: ConfigNode): ReadonlyArray<Section> =>
  root.members.flatMap(({ name, node }): ReadonlyArray<Section> => {
    if (node.kind !== "object") return []
    switch (name) {
      case "mcp": {
        const inner = shared(node).filter(
          (section) => section.node.kind !== "other" && !looksLikeEntry(section.node.value)
        )
        if (inner.length > 0) return inner.map((section) => ({ ...section, name: `mcp.${section.name}` }))
        const entries = node.members.filter((one) => looksLikeEntry(one.node.value) || isSwitch(one.node))
        return entries.length === 0
          ? []
          : [
              {
                name,
                node: { ...node, kind: "object", line: node.line, members: entries, items: [], value: undefined },
                dialect: "opencode"
              }
            ]
      }
      // a workspace of VS Code, and a development container
      case "settings":
      case "customizations":
      case "vscode":
        return [...outer(node), ...shared(node).filter((section) => section.name !== "extensions")]
      case "experimental": {
        const list = member(node, "modelContextProtocolServers")
        return list === undefined ? [] : [{ name: "modelContextProtocolServers", node: list, dialect: undefined }]
      }
      default:
        return []
    }
  })

/** opencode switches a server of another file on or off by its name alone. */
const isSwitch = (node: ConfigNode) => node.members.length > 0 && node.members.every(({ name }) => name === "enabled")

const isGoose = (node: ConfigNode) =>
  node.members.some(({ node: one }) => member(one, "type") !== undefined || member(one, "cmd") !== undefined)

const geminiIn = (node: ConfigNode): Dialect =>
  node.members.some(({ node: one }) =>
    one.members.some(({ name }) => /^(httpUrl|includeTools|excludeTools|trust)$/.test(name))
  )
    ? "Gemini CLI"
    : undefined

const entriesOf = ({ dialect, node }: Section): ReadonlyArray<Found> => {
  const members =
    node.kind === "list"
      ? node.items.map((item, index): Member => {
          const name = member(item, "name")?.value
          return {
            name: typeof name === "string" && name !== "" ? name : `server ${index + 1}`,
            line: item.line,
            node: item
          }
        })
      : node.members
  return members.flatMap((one) => (dialect === "Goose" && isPartOfGoose(one.node) ? [] : [{ ...copy(one), dialect }]))
}

const isPartOfGoose = (node: ConfigNode) =>
  /^(builtin|platform|frontend|inline_python)$/.test(String(member(node, "type")?.value))

/** Claude Code's servers for this folder, and those for others. */
const projectsOf = (root: ConfigNode, folder: string | undefined) => {
  const projects = member(root, "projects")
  if (projects?.kind !== "object") return undefined
  const here: Array<Found> = []
  const elsewhere: Array<{ readonly folder: string; readonly names: ReadonlyArray<string> }> = []
  for (const { name, node } of projects.members) {
    const servers = member(node, "mcpServers")?.members ?? []
    if (servers.length === 0) continue
    if (folder !== undefined && isSameFolder(name, folder)) {
      const off = new Set(ToolLists.namesIn(member(node, "disabledMcpServers")?.value) ?? [])
      here.push(
        ...servers.map((one) => ({
          ...copy(one),
          dialect: undefined,
          closer: true,
          ...(off.has(one.name) ? { off: "disabledMcpServers" } : {})
        }))
      )
    } else {
      elsewhere.push({ folder: name, names: servers.map((one) => one.name) })
    }
  }
  return { here, elsewhere }
}

const isSameFolder = (one: string, other: string) => {
  const plain = (folder: string) => folder.replaceAll("\\", "/").replace(/(?<=.)\/+$/, "")
  const both = [plain(one), plain(other)] as const
  return both[0] === both[1] || (/^[A-Za-z]:/.test(one) && both[0].toLowerCase() === both[1].toLowerCase())
}

/** Applies what Gemini CLI, Claude Code and opencode say about servers and tools outside the entries. */
const switchedOff = (root: ConfigNode, found: ReadonlyArray<Found>): ReadonlyArray<Found> => {
  const mcp = member(root, "mcp")
  const offs = [
    ["mcp.excluded", member(mcp, "excluded")],
    ["excludeMCPServers", member(root, "excludeMCPServers")],
    ["disabledMcpServers", member(root, "disabledMcpServers")]
  ] as const
  const only = [
    ["mcp.allowed", member(mcp, "allowed")],
    ["allowMCPServers", member(root, "allowMCPServers")]
  ] as const
  const everywhere = bansOf(root)
  const tools = [member(root, "tools"), member(root, "permission")].flatMap((node) =>
    (node?.members ?? []).flatMap((one) => (one.node.value === false || one.node.value === "deny" ? [one.name] : []))
  )
  return found.map((one) => {
    const out = offs.find(([, node]) => ToolLists.namesIn(node?.value)?.includes(one.name) === true)
    const kept = only.find(([, node]) => ToolLists.namesIn(node?.value)?.includes(one.name) === false)
    const off = one.off ?? out?.[0] ?? kept?.[0]
    const excluded = one.dialect === "opencode" ? [...everywhere, ...tools] : everywhere
    return { ...one, ...present({ off }), ...(excluded.length === 0 ? {} : { excluded }) }
  })
}

/**
 * Tools that a file switches off for all its servers: by keys of Gemini CLI and Codex, and permissions of Claude Code.
 */
const bansOf = (root: ConfigNode): ReadonlyArray<string> => {
  const lists = [
    ...["excludeTools", "excludedTools", "disabledTools", "disabled_tools"].map((name) => member(root, name)),
    member(member(root, "tools"), "exclude")
  ].flatMap((node) => ToolLists.namesIn(node?.value) ?? [])
  const denied = (ToolLists.namesIn(member(member(root, "permissions"), "deny")?.value) ?? []).filter((name) =>
    name.startsWith("mcp__")
  )
  // a server's name alone means all its tools
  return [...lists, ...denied].map((name) => (/^mcp__(?:(?!__).)+$/.test(name) ? `${name}__*` : name))
}
