// An MCP server with the tools of an office, so that 97 are on offer: mail, calendar, tickets, a wiki, a shop and a chat. It
// answers every call in words and does nothing.
import { createRequire } from "node:module"
import { inRoot } from "../../../scripts/workspace.mjs"

const require = createRequire(inRoot("packages", "core", "package.json"))
const { Server } = require("@modelcontextprotocol/sdk/server/index.js")
const { StdioServerTransport } = require("@modelcontextprotocol/sdk/server/stdio.js")
const { CallToolRequestSchema, ListToolsRequestSchema } = require("@modelcontextprotocol/sdk/types.js")

const text = { type: "string" }
const number = { type: "number" }
const list = { type: "array", items: text }

/** Name, description, required parameters, optional ones. */
export const office = [
  ["send_mail", "Sends an e-mail to one or more people.", { to: list, subject: text, body: text }, { cc: list }],
  [
    "search_mail",
    "Searches the mailbox by sender, subject or words of the message.",
    { query: text },
    { limit: number }
  ],
  ["get_mail", "Gets one e-mail by its id.", { id: text }],
  ["reply_to_mail", "Replies to an e-mail.", { id: text, body: text }],
  ["forward_mail", "Forwards an e-mail to somebody else.", { id: text, to: text }],
  ["trash_mail", "Moves an e-mail to the trash.", { id: text }],
  ["label_mail", "Puts a label on an e-mail.", { id: text, label: text }],
  ["list_events", "Lists the events of the calendar between two dates.", { from: text, until: text }],
  [
    "create_event",
    "Adds an event to the calendar and invites people.",
    { title: text, start: text, end: text },
    { guests: list }
  ],
  ["cancel_event", "Cancels an event of the calendar and tells its guests.", { id: text }],
  ["reschedule_event", "Changes the time of an event of the calendar.", { id: text, start: text, end: text }],
  ["find_free_slot", "Finds a time at which all the given people are free.", { people: list, minutes: number }],
  ["list_contacts", "Lists the people of the address book.", {}, { group: text }],
  ["get_contact", "Gets the address and telephone number of a person.", { name: text }],
  ["save_contact", "Saves a person with address and telephone number.", { name: text }, { phone: text, email: text }],
  ["create_ticket", "Opens a ticket for a mistake or a wish.", { title: text, description: text }, { priority: text }],
  ["list_tickets", "Lists the open tickets of a project.", { project: text }, { assignee: text }],
  ["get_ticket", "Gets a ticket with its comments.", { id: number }],
  ["comment_ticket", "Writes a comment to a ticket.", { id: number, comment: text }],
  ["close_ticket", "Closes a ticket, with a reason.", { id: number, reason: text }],
  ["assign_ticket", "Gives a ticket to a person.", { id: number, assignee: text }],
  ["link_tickets", "Says that one ticket depends on another one.", { from: number, to: number }],
  ["create_page", "Creates a page of the wiki.", { title: text, body: text }, { parent: text }],
  ["get_page", "Gets a page of the wiki by its title.", { title: text }],
  ["update_page", "Replaces the text of a page of the wiki.", { title: text, body: text }],
  ["search_pages", "Searches the pages of the wiki.", { query: text }],
  ["page_history", "Lists who changed a page of the wiki, and when.", { title: text }],
  ["list_products", "Lists the products of the shop.", {}, { category: text }],
  ["get_product", "Gets a product with its price and how many are in stock.", { sku: text }],
  ["set_price", "Changes the price of a product.", { sku: text, price: number }],
  ["restock_product", "Adds to the stock of a product.", { sku: text, count: number }],
  ["list_shop_orders", "Lists the orders of a customer.", { customer: text }],
  ["get_shop_order", "Gets an order with its items and its state.", { id: text }],
  ["refund_order", "Gives the money for an order back.", { id: text, reason: text }],
  ["create_invoice", "Writes an invoice for a customer.", { customer: text, items: list }],
  ["send_invoice", "Sends an invoice to its customer.", { id: text }],
  ["list_channels", "Lists the channels of the chat.", {}],
  ["post_message", "Posts a message to a channel of the chat.", { channel: text, message: text }],
  ["channel_history", "Shows the last messages of a channel of the chat.", { channel: text }, { limit: number }],
  ["react_to_message", "Puts an emoji on a message of the chat.", { message: text, emoji: text }],
  ["start_call", "Starts a video call with people.", { people: list }],
  ["translate_text", "Translates a text into another language.", { text, language: text }],
  ["get_weather", "Tells the weather of a place for today.", { place: text }],
  ["currency_rate", "Tells the exchange rate of two currencies.", { from: text, to: text }],
  ["book_room", "Books a meeting room.", { room: text, start: text, end: text }],
  ["list_rooms", "Lists the meeting rooms and how many people they hold.", {}],
  ["print_document", "Prints a document on the printer of the office.", { document: text }, { copies: number }],
  ["run_report", "Runs a saved report and gives its rows.", { report: text }]
]

const isMain = process.argv[1]?.endsWith("office.mjs")
if (isMain) {
  const server = new Server({ name: "office", version: "1.0.0" }, { capabilities: { tools: {} } })
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: office.map(([name, description, required, optional = {}]) => ({
      name,
      description,
      inputSchema: {
        type: "object",
        properties: { ...required, ...optional },
        ...(Object.keys(required).length === 0 ? {} : { required: Object.keys(required) })
      }
    }))
  }))
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => ({
    content: [{ type: "text", text: `The office has noted ${params.name}.` }]
  }))
  await server.connect(new StdioServerTransport())
}
