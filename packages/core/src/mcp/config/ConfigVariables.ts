/**
 * Expands `${VAR}`, `${VAR:-default}`, `${env:VAR}`, `${input:id}`, `${workspaceFolder}` and `${userHome}` in the
 * strings of an mcp.json. Pure.
 */
import * as Either from "effect/Either"

export interface VariableProblem {
  readonly reason: "MissingVariable" | "Invalid"
  readonly detail: string
}

/** One of VS Code's `inputs`. */
export interface InputSpec {
  readonly description?: string | undefined
  readonly default?: string | undefined
}

/** The environment variable with the value of an input: `LMS_BRIDGE_INPUT_API_KEY` for `api-key`. */
export const inputVariable = (id: string): string =>
  `LMS_BRIDGE_INPUT_${id.toUpperCase().replaceAll(/[^A-Z0-9]+/g, "_")}`

/** What a string may refer to. `environment` returns undefined for a variable that is not set. */
export interface VariableSource {
  /** The folder of the file that contains the string: a plug-in of Claude Code calls it `CLAUDE_PLUGIN_ROOT`. */
  readonly fileFolder?: string | undefined
  /** What VS Code would ask for, by id. */
  readonly inputs?: ReadonlyMap<string, InputSpec> | undefined
  readonly environment: (name: string) => string | undefined
  readonly workspaceFolder: string
  readonly userHome: string | undefined
}

/**
 * The use of a string, which decides the meaning of references that are not written as `${NAME}`: the name of a
 * program, an argument or a folder; the value of a variable; a header; anything else.
 */
export type Use = "place" | "value" | "header" | "other"

/**
 * Rewrites other notations for references as `${NAME}`: `~/` and `$NAME/` at the beginning of a path, `--root=~/`,
 * `$NAME` as a whole value, `%NAME%`, `{env:NAME}`; with `dollars`, for files of programs that allow it, `$NAME`
 * anywhere.
 */
export const canonical = (text: string, use: Use, dollars = false): string => {
  let found = text.replaceAll(/\{env:([A-Za-z_]\w*)\}/g, (whole, name: string, at: number) =>
    text[at - 1] === "$" ? whole : `\${${name}}`
  )
  // Continue's notation
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

/** The environment variables that a string refers to. */
export const namesIn = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(reference)].flatMap(([, inner = ""]) => {
    const input = inputReference.exec(inner)?.[1]
    if (input !== undefined) return [inputVariable(input)]
    const found = environmentReference.exec(inner)
    return found?.[1] === undefined ? [] : [found[1]]
  })

/**
 * The string with every reference replaced. A default replaces a variable that is unset or empty, as in a shell.
 * Anything that does not look like a reference stays.
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
      detail: `Its input "${id}"${asks} has no value. Set ${inputVariable(id)} in the environment.`
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
        source.userHome ?? {
          reason: "MissingVariable",
          detail: "The home directory is unknown, because HOME is not set. Set it."
        }
      )
  }
  const input = inputReference.exec(inner)?.[1]
  if (input !== undefined) return answerTo(input, source)
  const host = /^(?!env:)[a-z]+:(?!-)/.exec(inner)
  if (host !== null) {
    return {
      reason: "Invalid",
      detail: `\${${inner}} is expanded by another program only. Use an environment variable instead: \${env:NAME}.`
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

/** Variables that programs define without the environment. */
const known = (name: string, { fileFolder, userHome }: VariableSource): string | undefined =>
  name === "HOME" ? userHome : name === "CLAUDE_PLUGIN_ROOT" ? fileFolder : undefined
