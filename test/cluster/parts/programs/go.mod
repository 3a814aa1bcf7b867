module headgate.example/cluster-programs

go 1.26.0
