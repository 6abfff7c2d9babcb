using System;
using System.Threading;
using System.Threading.Tasks;
using Walstream.Native;

namespace Walstream
{
    // What is ready is given at once; only a read that must wait takes a thread, of its own and not of the pool.
    public sealed partial class WalStream
    {
        /// <summary>As <see cref="Open(string, WalStreamOptions, CancellationToken)"/>.</summary>
        public static Task<WalStream> OpenAsync(string conninfo, WalStreamOptions options, CancellationToken cancellationToken = default(CancellationToken))
        {
            return OnItsThread(() => Open(conninfo, options, cancellationToken), cancellationToken);
        }

        /// <summary>As <see cref="ReadEvent(CancellationToken)"/>.</summary>
        public Task<ChangeEvent> ReadEventAsync(CancellationToken cancellationToken = default(CancellationToken))
        {
            return ReadAsync<ChangeEvent>(ReadEvent, cancellationToken);
        }

        /// <summary>As <see cref="ReadBatch(CancellationToken)"/>.</summary>
        public Task<ChangeBatch> ReadBatchAsync(CancellationToken cancellationToken = default(CancellationToken))
        {
            return ReadAsync<ChangeBatch>(ReadBatch, cancellationToken);
        }

        /// <summary>As <see cref="Stop(TimeSpan)"/>.</summary>
        public Task<bool> StopAsync(TimeSpan timeout)
        {
            return OnItsThread(() => Stop(timeout), CancellationToken.None);
        }

        private delegate int Reader<T>(int milliseconds, CancellationToken cancellationToken, out T result);

        private Task<T> ReadAsync<T>(Reader<T> read, CancellationToken cancellationToken)
        {
            if (cancellationToken.IsCancellationRequested) return Task.FromCanceled<T>(cancellationToken);
            T result;
            try
            {
                if (read(0, CancellationToken.None, out result) != Call.Timeout) return Task.FromResult(result);
            }
            catch (Exception failure)
            {
                return Task.FromException<T>(failure);
            }
            return OnItsThread(() => { T waited; read(-1, cancellationToken, out waited); return waited; }, cancellationToken);
        }

        private static Task<T> OnItsThread<T>(Func<T> call, CancellationToken cancellationToken)
        {
            return Task.Factory.StartNew(call, cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
    }
}
