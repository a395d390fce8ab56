/** A value in a configuration file of any language, with its line. */
import * as Jsonc from "jsonc-parser"

export interface Member {
  readonly name: string
  /** 1-based, of the name. */
  readonly line: number
  readonly node: ConfigNode
}

/** Evaluated lazily, because some files contain much more than servers. */
export interface ConfigNode {
  readonly kind: "object" | "list" | "null" | "other"
  /** 1-based. */
  readonly line: number
  /** Of an object, in the order of the file; a duplicate name occurs twice. */
  readonly members: ReadonlyArray<Member>
  /** Of a list. */
  readonly items: ReadonlyArray<ConfigNode>
  /** An object has no prototype: its names come from other people. */
  readonly value: unknown
}

/** The member with that name; the last one if there are several. */
export const member = (node: ConfigNode | undefined, name: string): ConfigNode | undefined =>
  node?.members.findLast((one) => one.name === name)?.node

/** The node at the end of a path; undefined if the path does not exist. */
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

/** From a value whose parser gives no positions. `lineOf` returns the line of a path. */
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
