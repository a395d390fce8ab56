/** Patterns for names of servers and tools, in which `*` stands for any text. */

/** Finds the parts between the stars from left to right, each at its first occurrence, so no pattern is slow. */
export const namePattern = (text: string): { readonly test: (name: string) => boolean } => {
  const parts = text.toLowerCase().split("*")
  const first = parts[0] ?? ""
  const last = parts.at(-1) ?? ""
  const within = parts.slice(1, -1)
  return {
    test: (given) => {
      const name = given.toLowerCase()
      if (parts.length === 1) return name === first
      if (!name.startsWith(first) || !name.endsWith(last)) return false
      let at = first.length
      for (const part of within) {
        const found = name.indexOf(part, at)
        if (found === -1) return false
        at = found + part.length
      }
      return at + last.length <= name.length
    }
  }
}

/** Whether a pattern matches a tool, by its own name or by `server__tool`. */
export const isNamedBy = (pattern: string, tool: { readonly server: string; readonly name: string }): boolean => {
  const { test } = namePattern(pattern)
  return test(tool.name) || test(`${tool.server}__${tool.name}`)
}
