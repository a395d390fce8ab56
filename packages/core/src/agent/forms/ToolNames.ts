/** Names of tools as models decorate them: `functions.NAME`, `NAME:0`, `default_api.NAME`, `mcp.tools:NAME`. */

/**
 * The name as the run offers it, or as it was written when no tool has it. `isOffered` is asked for what is left after
 * each decoration is taken off.
 */
export const plainName = (written: string, isOffered: (name: string) => boolean): string => {
  const name = written.trim().slice(0, 200)
  const candidates = [name]
  const uncounted = name.replace(/:\d{1,4}$/, "")
  candidates.push(uncounted)
  for (let rest = uncounted; /[.:/]/.test(rest);) {
    rest = rest.slice(rest.search(/[.:/]/) + 1)
    candidates.push(rest)
  }
  candidates.push(...candidates.map((candidate) => candidate.replace(/(?:json|code|commentary)$/, "")))
  return candidates.find((candidate) => candidate !== "" && isOffered(candidate)) ?? name
}
