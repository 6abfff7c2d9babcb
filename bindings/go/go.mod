module walstream

go 1.23
