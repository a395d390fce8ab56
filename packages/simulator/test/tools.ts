/**
 * Tools in the format of real MCP servers (server-filesystem, server-memory, server-everything), as a model sees them.
 */
import type { PromptTool } from "#src/model/SimulatedModel.ts"

const tool = (
  name: string,
  description: string,
  properties: object = {},
  required: ReadonlyArray<string> = []
): PromptTool => ({
  name,
  description,
  parameters: { type: "object", properties, required }
})

const text = { type: "string" }
const path = { path: text }

export const filesystem: ReadonlyArray<PromptTool> = [
  tool("read_file", "Read the complete contents of a file as text. DEPRECATED: Use read_text_file instead.", path, [
    "path"
  ]),
  tool(
    "read_text_file",
    "Read the complete contents of a file from the file system as text. Handles various text encodings.",
    path,
    ["path"]
  ),
  tool("read_media_file", "Read a file and return it as a base64-encoded content block with its MIME type.", path, [
    "path"
  ]),
  tool(
    "read_multiple_files",
    "Read the contents of multiple files simultaneously.",
    { paths: { type: "array", items: text, description: "Array of file paths to read." } },
    ["paths"]
  ),
  tool(
    "write_file",
    "Create a new file or completely overwrite an existing file with new content.",
    { ...path, content: text },
    ["path", "content"]
  ),
  tool("create_directory", "Create a new directory or ensure a directory exists.", path, ["path"]),
  tool("list_directory", "Get a detailed listing of all files and directories in a specified path.", path, ["path"]),
  tool(
    "list_directory_with_sizes",
    "Get a detailed listing of all files and directories in a specified path, including sizes.",
    path,
    ["path"]
  ),
  tool("directory_tree", "Get a recursive tree view of files and directories as a JSON structure.", path, ["path"]),
  tool("move_file", "Move or rename files and directories.", { source: text, destination: text }, [
    "source",
    "destination"
  ]),
  tool("search_files", "Recursively search for files and directories matching a pattern.", { ...path, pattern: text }, [
    "path",
    "pattern"
  ]),
  tool("get_file_info", "Retrieve detailed metadata about a file or directory, including size.", path, ["path"]),
  tool("list_allowed_directories", "Returns the list of directories that this server is allowed to access.")
]

const observations = { type: "array", items: text }

export const memory: ReadonlyArray<PromptTool> = [
  tool(
    "create_entities",
    "Create multiple new entities in the knowledge graph",
    {
      entities: {
        type: "array",
        items: {
          type: "object",
          properties: { name: text, entityType: text, observations },
          required: ["name", "entityType", "observations"]
        }
      }
    },
    ["entities"]
  ),
  tool(
    "create_relations",
    "Create multiple new relations between entities in the knowledge graph.",
    {
      relations: {
        type: "array",
        items: {
          type: "object",
          properties: { from: text, to: text, relationType: text },
          required: ["from", "to", "relationType"]
        }
      }
    },
    ["relations"]
  ),
  tool("delete_entities", "Delete multiple entities and their associated relations", { entityNames: observations }, [
    "entityNames"
  ]),
  tool("read_graph", "Read the entire knowledge graph"),
  tool("search_nodes", "Search for nodes in the knowledge graph based on a query", { query: text }, ["query"])
]

export const everything: ReadonlyArray<PromptTool> = [
  tool("echo", "Echoes back the input string", { message: { ...text, description: "Message to echo" } }, ["message"]),
  tool("get-sum", "Returns the sum of two numbers", { a: { type: "number" }, b: { type: "number" } }, ["a", "b"]),
  tool("get-env", "Returns all environment variables, helpful for debugging MCP server configuration"),
  tool(
    "get-annotated-message",
    "Demonstrates how annotations can be used",
    { messageType: { type: "string", enum: ["error", "success", "debug"] } },
    ["messageType"]
  )
]

export const namespaced = (server: string, tools: ReadonlyArray<PromptTool>): ReadonlyArray<PromptTool> =>
  tools.map((each) => ({ ...each, name: `${server}__${each.name}` }))
