/**
 * What kafkajs has to say, in our log: all of it at debug but what is an error and no state of a connection.
 *
 * It calls a connection that is refused, a leader that moves and a group that forms errors, some of them several
 * times a second. What of this an operator has to know is told once, by the writer of the topic.
 */
import type { logCreator } from 'kafkajs'
import type { Log } from '../../ports.ts'

const ERROR = 1 // logLevel.ERROR
/** Parts whose errors are answers of brokers and states of connections. */
const ROUTINE =
  /^(|Admin|Broker|BrokerPool|Cluster|Connection|ConnectionPool|ConsumerGroup|Producer|RequestQueue|SaslAuthenticator.*)$/

export function clientLog(log: Log): logCreator {
  return () =>
    ({ namespace, level, log: { message, broker, error } }) => {
      const routine = level > ERROR || ROUTINE.test(namespace)
      const fields = { client: 'kafkajs', part: namespace, broker, error }
      log[routine ? 'debug' : 'warn'](fields, message)
    }
}
