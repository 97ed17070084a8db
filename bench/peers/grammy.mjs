import { autoRetry } from '@grammyjs/auto-retry'
import { Api } from 'grammy'

const [, , apiRoot, token] = process.argv
const api = new Api(token, { apiRoot })
api.config.use(autoRetry())
process.exit((await api.close()) ? 0 : 1)
