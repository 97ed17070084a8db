import { Api } from 'node-telegram-bot-api'

const [, , apiRoot, token] = process.argv
process.exit((await new Api(token, { apiRoot }).close()) ? 0 : 1)
