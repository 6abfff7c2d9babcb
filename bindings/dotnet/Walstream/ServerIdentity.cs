using Walstream.Native;

namespace Walstream
{
    /// <summary>Which server this is. A copy: nothing changes it.</summary>
    public sealed class ServerIdentity
    {
        internal unsafe ServerIdentity(NativeSystem system)
        {
            SystemId = system.SystemId;
            Timeline = system.Timeline;
            FlushLsn = new Lsn(system.FlushLsn);
            Database = Utf8.Name(system.Database);
            ServerVersion = system.ServerVersion;
        }

        /// <summary>Made by initdb, the same on all standbys.</summary>
        public ulong SystemId { get; private set; }

        /// <summary>The timeline that the server is on.</summary>
        public uint Timeline { get; private set; }

        /// <summary>How far its log is flushed.</summary>
        public Lsn FlushLsn { get; private set; }

        /// <summary>The connection's; "" on one without (mode=physical).</summary>
        public string Database { get; private set; }

        /// <summary>As in server_version_num: 150004 is 15.4.</summary>
        public int ServerVersion { get; private set; }
    }
}
