/** A value in a configuration file, whatever language the file is written in, with the line that it stands in. */
import * as Jsonc from "jsonc-parser"

export interface Member {
  readonly name: string
  /** 1-based, of the name. */
  readonly line: number
  readonly node: ConfigNode
}

/** Looked into only as far as somebody asks: some files keep much more than servers. */
export interface ConfigNode {
  readonly kind: "object" | "list" | "null" | "other"
  /** 1-based. */
  readonly line: number
  /** Of an object, in the order of the file; a name that is there twice is there twice. */
  readonly members: ReadonlyArray<Member>
  /** Of a list. */
  readonly items: ReadonlyArray<ConfigNode>
  /** Without a prototype where it is an object: its names are other people's. */
  readonly value: unknown
}

/** The member of that name, the last where there are several. */
export const member = (node: ConfigNode | undefined, name: string): ConfigNode | undefined =>
  node?.members.findLast((one) => one.name === name)?.node

/** What is at the end of a path; undefined when it does not go so far. */
export const at = (node: ConfigNode, path: ReadonlyArray<string | number>): ConfigNode | undefined =>
  path.reduce<ConfigNode | undefined>(
    (found, key) => (typeof key === "number" ? found?.items[key] : member(found, key)),
    node
  )

export const ofJson = (node: Jsonc.Node, lineAt: (offset: number) => number): ConfigNode => {
  const of = (child: Jsonc.Node) => ofJson(child, lineAt)
  return {
    kind: node.type === "object" ? "object" : node.type === "array" ? "list" : node.type === "null" ? "null" : "other",
    get line() {
      return lineAt(node.offset)
    },
    get members() {
      return node.type !== "object"
        ? []
        : (node.children ?? []).flatMap(({ children: [key, value] = [] }) =>
            key === undefined || value === undefined
              ? []
              : {
                  name: String(Jsonc.getNodeValue(key)),
                  get line() {
                    return lineAt(key.offset)
                  },
                  node: of(value)
                }
          )
    },
    get items() {
      return node.type === "array" ? (node.children ?? []).map(of) : []
    },
    get value() {
      return Jsonc.getNodeValue(node) as unknown
    }
  }
}

/** Of a value whose parser knows no places. `lineOf` answers for a path. */
export const ofValue = (
  value: unknown,
  lineOf: (path: ReadonlyArray<string | number>) => number,
  path: ReadonlyArray<string | number> = []
): ConfigNode => {
  const kind = Array.isArray(value)
    ? "list"
    : value === null || value === undefined
      ? "null"
      : typeof value === "object" && !(value instanceof Date)
        ? "object"
        : "other"
  return {
    kind,
    get line() {
      return lineOf(path)
    },
    get members() {
      return kind !== "object"
        ? []
        : Object.entries(value as object).map(([name, child]) => {
            const node = ofValue(child, lineOf, [...path, name])
            return { name, line: node.line, node }
          })
    },
    get items() {
      return Array.isArray(value)
        ? (value as ReadonlyArray<unknown>).map((child, index) => ofValue(child, lineOf, [...path, index]))
        : []
    },
    value
  }
}
