/**
 * What the server says about itself: its name, its version, which a test compares with the package's, and its
 * instructions for the client's assistant.
 */
export const name = "lms-bridge"
export const title = "lms-bridge: local models with your MCP servers"
export const version = "0.1.0"

/** A bridge. Tools have no icon: forty of them would make `tools/list` more than twice as long. */
export const icon =
  "data:image/svg+xml;base64,PHN2ZyB4bWxucz0naHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmcnIHZpZXdCb3g9JzAgMCAxNiAxNic+PHBhdGggZmlsbD0nbm9uZScgc3Ryb2tlPScjNzc3JyBzdHJva2Utd2lkdGg9JzEuNScgZD0nTTEgMTFoMTRNMSAxMXE3LTEwIDE0IDBNNC41IDh2M004IDZ2NU0xMS41IDh2MycvPjwvc3ZnPg=="

/** For the assistant of a client with these toolsets: only tools that every client of them has are named. */
export const instructions = (toolsets: ReadonlyArray<string>): string =>
  toolsets.includes("all") ? `${inGeneral}\n${byName}` : inGeneral

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const inGeneral = `lms-bridge hands work to a language model on the user's own machine (LM Studio), which may use the tools of the user's MCP servers.
Delegate when a short answer needs much reading or trying, when the data should not leave the machine, or when the user asks for the local model. Do small or delicate things yourself.
The local model sees only the task: write the goal, absolute paths, and the form of the answer into it. Check what comes back.`

const byName = `Where a tool takes a model, it is a key from list_models; the default is the configured or a loaded one.
list_available_mcps lists the servers, autonomous_with_mcp delegates with one of them, run_start is for work of many minutes.`
