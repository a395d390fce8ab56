/**
 * `${VAR}`, `${VAR:-default}`, `${env:VAR}`, `${input:id}`, `${workspaceFolder}` and `${userHome}` in the texts of an mcp.json: pure.
 */
import * as Either from "effect/Either"

export interface VariableProblem {
  readonly reason: "MissingVariable" | "Invalid"
  readonly detail: string
}

/** A question of VS Code's `inputs`. */
export interface InputSpec {
  readonly description?: string | undefined
  readonly default?: string | undefined
}

/** The environment variable that answers an input: `api-key` is answered by `LMS_BRIDGE_INPUT_API_KEY`. */
export const inputVariable = (id: string): string =>
  `LMS_BRIDGE_INPUT_${id.toUpperCase().replaceAll(/[^A-Z0-9]+/g, "_")}`

/** What a text may refer to. `environment` answers undefined for a variable that is not set. */
export interface VariableSource {
  /** Where the file is that the text stands in: a plug-in of Claude Code names it `CLAUDE_PLUGIN_ROOT`. */
  readonly fileFolder?: string | undefined
  /** What VS Code would ask for, by id. */
  readonly inputs?: ReadonlyMap<string, InputSpec> | undefined
  readonly environment: (name: string) => string | undefined
  readonly workspaceFolder: string
  readonly userHome: string | undefined
}

/**
 * What a text is, as far as references that are not of the form `${NAME}` have a meaning in it: the name of a program, an
 * argument or a folder; the value of a variable or a header; anything else.
 */
export type Use = "place" | "value" | "header" | "other"

/**
 * The references that people write in other ways, written as `${NAME}`: `~/` and `$NAME/` at the beginning of a path,
 * `--root=~/`, `$NAME` as a whole value, `%NAME%`, `{env:NAME}`; `$NAME` anywhere where the file is for a program that has
 * it so (`dollars`).
 */
export const canonical = (text: string, use: Use, dollars = false): string => {
  let found = text.replaceAll(/\{env:([A-Za-z_]\w*)\}/g, (whole, name: string, at: number) =>
    text[at - 1] === "$" ? whole : `\${${name}}`
  )
  // as Continue has it
  found = found.replaceAll(/\$\{\{\s*(?:secrets|inputs|env)\.(\w+)\s*\}\}/g, (_, name: string) => `\${${name}}`)
  if (dollars) found = found.replaceAll(/\$([A-Za-z_]\w*)/g, (_, name: string) => `\${${name}}`)
  if (use === "other") return found
  if (use !== "header") {
    found = found
      .replace(/^((?:-{1,2}[\w-]+|[A-Za-z_]\w*)=)?~(?=$|[\\/])/, (whole, option: string | undefined) =>
        option !== undefined && use === "value" ? whole : `${option ?? ""}\${userHome}`
      )
      .replace(/^\$([A-Z_][A-Z0-9_]*)(?=[\\/])/, (_, name: string) => `\${${name}}`)
      .replaceAll(/%([A-Za-z_]\w+)%(?=([\\/])?)/g, (whole, name: string, slash: string | undefined) => {
        const needed = slash !== undefined || whole === text
        return needed ? `\${${name.toUpperCase()}}` : `\${${name.toUpperCase()}:-${whole}}`
      })
  }
  return use === "place"
    ? found
    : found.replace(
        /^((?:Bearer|Basic|Token)\s+)?\$([A-Z_][A-Z0-9_]*)$/i,
        (whole, kind: string | undefined, name: string) =>
          name === name.toUpperCase() ? `${kind ?? ""}\${${name}}` : whole
      )
}

/** The environment variables that a text refers to. */
export const namesIn = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(reference)].flatMap(([, inner = ""]) => {
    const input = inputReference.exec(inner)?.[1]
    if (input !== undefined) return [inputVariable(input)]
    const found = environmentReference.exec(inner)
    return found?.[1] === undefined ? [] : [found[1]]
  })

/**
 * The text with every reference replaced. A default stands in for a variable that is unset or empty, as in a shell.
 * What does not look like a reference at all stays as it is.
 */
export const expand = (text: string, source: VariableSource): Either.Either<string, VariableProblem> => {
  const problems: Array<VariableProblem> = []
  const value = text.replaceAll(reference, (whole, inner: string) => {
    const result = one(inner, source)
    if (result === undefined) return whole
    if (typeof result === "string") return result
    problems.push(result)
    return whole
  })
  const [problem] = problems
  return problem === undefined ? Either.right(value) : Either.left(problem)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const reference = /\$\{([^${}]*)\}/g

const environmentReference = /^(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s

const inputReference = /^input:(.+)$/s

const answerTo = (id: string, { environment, inputs }: VariableSource): string | VariableProblem => {
  const input = inputs?.get(id)
  const asks = input?.description === undefined ? "" : ` (${input.description})`
  return (
    environment(inputVariable(id)) ??
    input?.default ?? {
      reason: "MissingVariable",
      detail: `Nobody has answered its input "${id}"${asks}. Set ${inputVariable(id)} in the environment.`
    }
  )
}

const one = (inner: string, source: VariableSource): string | VariableProblem | undefined => {
  switch (inner) {
    case "workspaceFolder":
    case "workspaceRoot":
      return source.workspaceFolder
    case "workspaceFolderBasename":
      return source.workspaceFolder.split(/[\\/]/).findLast((part) => part !== "") ?? ""
    case "pathSeparator":
    case "/":
      return source.workspaceFolder.includes("\\") ? "\\" : "/"
    case "userHome":
      return (
        source.userHome ?? { reason: "MissingVariable", detail: "The home directory is not known (HOME is not set)." }
      )
  }
  const input = inputReference.exec(inner)?.[1]
  if (input !== undefined) return answerTo(input, source)
  const host = /^(?!env:)[a-z]+:(?!-)/.exec(inner)
  if (host !== null) {
    return {
      reason: "Invalid",
      detail: `\${${inner}} is filled in by another program. Use an environment variable instead: \${env:NAME}.`
    }
  }
  const found = environmentReference.exec(inner)
  if (found === null) return undefined
  const [, name = "", fallback] = found
  const value = source.environment(name) ?? known(name, source)
  if (fallback !== undefined) return value === undefined || value === "" ? fallback : value
  return (
    value ?? {
      reason: "MissingVariable",
      detail: `The environment variable ${name} is not set. Set it, or write \${${name}:-default}.`
    }
  )
}

/** What programs say that is not in the environment. */
const known = (name: string, { fileFolder, userHome }: VariableSource): string | undefined =>
  name === "HOME" ? userHome : name === "CLAUDE_PLUGIN_ROOT" ? fileFolder : undefined
