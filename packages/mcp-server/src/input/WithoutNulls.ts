/**
 * Removes nulls that the schema does not allow: many clients send null for an argument that they leave out. Pure.
 */
import * as Predicate from "effect/Predicate"
import type * as AST from "effect/SchemaAST"

/** `value` without the fields, at any depth, that are null although the encoded schema does not allow null. */
export const withoutNulls = (ast: AST.AST, value: unknown): unknown => {
  switch (ast._tag) {
    case "TypeLiteral":
      return Predicate.isReadonlyRecord(value) ? ofStruct(ast, value) : value
    case "TupleType":
      return Array.isArray(value)
        ? value.map((item, index) => {
            const inner = ast.elements[index]?.type ?? ast.rest[0]?.type
            return inner === undefined ? item : withoutNulls(inner, item)
          })
        : value
    case "Union":
      return ast.types.reduce((rest, member) => withoutNulls(member, rest), value)
    case "Refinement":
    case "Transformation":
      return withoutNulls(ast.from, value)
    case "Suspend":
      return withoutNulls(ast.f(), value)
    default:
      return value
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const ofStruct = (ast: AST.TypeLiteral, value: { readonly [key: PropertyKey]: unknown }) => {
  // the values of a record are the caller's own
  if (ast.indexSignatures.length > 0) return value
  const known = new Map(ast.propertySignatures.map(({ name, type }) => [String(name), type]))
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => {
      const type = known.get(key)
      if (item === null) return type !== undefined && takesNull(type) ? [[key, item]] : []
      return [[key, type === undefined ? item : withoutNulls(type, item)]]
    })
  )
}

const takesNull = (ast: AST.AST): boolean => {
  switch (ast._tag) {
    case "Literal":
      return ast.literal === null
    case "UnknownKeyword":
    case "AnyKeyword":
      return true
    case "Union":
      return ast.types.some(takesNull)
    case "Refinement":
    case "Transformation":
      return takesNull(ast.from)
    case "Suspend":
      return takesNull(ast.f())
    default:
      return false
  }
}
