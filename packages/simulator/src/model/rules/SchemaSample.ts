/** The smallest value that a JSON Schema allows: the stand-in's answer when structured output is requested. */
import * as Json from "../../internal/json.ts"

export const of = (schema: Json.JsonObject): unknown => {
  if (schema["const"] !== undefined) return schema["const"]
  if (schema["default"] !== undefined) return schema["default"]
  const [choice] = Json.arrayOf(schema["enum"])
  if (choice !== undefined) return choice
  const [alternative] = [...Json.arrayOf(schema["anyOf"]), ...Json.arrayOf(schema["oneOf"])]
  if (alternative !== undefined) return of(Json.objectOf(alternative))
  const type = schema["type"]
  switch (Array.isArray(type) ? type[0] : type) {
    case "object": {
      const properties = Json.objectOf(schema["properties"])
      const required = Json.arrayOf(schema["required"]).filter((name) => typeof name === "string")
      return Object.fromEntries(required.map((name) => [name, of(Json.objectOf(properties[name]))]))
    }
    case "array": {
      const least = Json.numberOf(schema["minItems"]) ?? 0
      return Array.from({ length: least }, () => of(Json.objectOf(schema["items"])))
    }
    case "number":
    case "integer":
      return Json.numberOf(schema["minimum"]) ?? 0
    case "boolean":
      return false
    case "null":
      return null
    default:
      return "a rule-based stand-in".padEnd(Json.numberOf(schema["minLength"]) ?? 0, ".")
  }
}
