/**
 * `${VAR}`, `${VAR:-default}`, `${env:VAR}`, `${input:id}`, `${workspaceFolder}` and `${userHome}` in the texts of an mcp.json: pure.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"

/**
 * @since 0.1.0
 * @category models
 */
export interface VariableProblem {
  readonly reason: "MissingVariable" | "Invalid"
  readonly detail: string
}

/**
 * A question of VS Code's `inputs`.
 *
 * @since 0.1.0
 * @category models
 */
export interface InputSpec {
  readonly description?: string | undefined
  readonly default?: string | undefined
}

/**
 * The environment variable that answers an input: `api-key` is answered by `LMS_BRIDGE_INPUT_API_KEY`.
 *
 * @since 0.1.0
 * @category getters
 */
export const inputVariable = (id: string): string =>
  `LMS_BRIDGE_INPUT_${id.toUpperCase().replaceAll(/[^A-Z0-9]+/g, "_")}`

/**
 * What a text may refer to. `environment` answers undefined for a variable that is not set.
 *
 * @since 0.1.0
 * @category models
 */
export interface VariableSource {
  /** What VS Code would ask for, by id. */
  readonly inputs?: ReadonlyMap<string, InputSpec> | undefined
  readonly environment: (name: string) => string | undefined
  readonly workspaceFolder: string
  readonly userHome: string | undefined
}

/**
 * The environment variables that a text refers to.
 *
 * @since 0.1.0
 * @category getters
 */
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
 *
 * @since 0.1.0
 * @category expanding
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
      return source.workspaceFolder
    case "workspaceFolderBasename":
      return source.workspaceFolder.split(/[\\/]/).findLast((part) => part !== "") ?? ""
    case "userHome":
      return (
        source.userHome ?? { reason: "MissingVariable", detail: "The home directory is not known (HOME is not set)." }
      )
  }
  const input = inputReference.exec(inner)?.[1]
  if (input !== undefined) return answerTo(input, source)
  const host = /^(command|config):/.exec(inner)
  if (host !== null) {
    return {
      reason: "Invalid",
      detail: `\${${inner}} is filled in by another program. Use an environment variable instead: \${env:NAME}.`
    }
  }
  const found = environmentReference.exec(inner)
  if (found === null) return undefined
  const [, name = "", fallback] = found
  const value = source.environment(name)
  if (fallback !== undefined) return value === undefined || value === "" ? fallback : value
  return (
    value ?? {
      reason: "MissingVariable",
      detail: `The environment variable ${name} is not set. Set it, or write \${${name}:-default}.`
    }
  )
}
