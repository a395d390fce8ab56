/**
 * Patterns in which `*` stands for anything, as people write them for names of servers and tools.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 * @category constructors
 */
export const namePattern = (text: string): RegExp => {
  const known = patterns.get(text)
  if (known !== undefined) return known
  const made = new RegExp(
    `^${text
      .split("*")
      .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, "\\$&"))
      .join(".*")}$`,
    "si"
  )
  if (patterns.size < mostPatterns) patterns.set(text, made)
  return made
}

/**
 * Whether a pattern means a tool, by its own name or by `server__tool`.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isNamedBy = (pattern: string, tool: { readonly server: string; readonly name: string }): boolean => {
  const test = namePattern(pattern)
  return test.test(tool.name) || test.test(`${tool.server}__${tool.name}`)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Every call of a tool is held against the same few patterns. */
const patterns = new Map<string, RegExp>()
const mostPatterns = 1000
